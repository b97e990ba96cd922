// SPDX-License-Identifier: Apache-2.0
/* Parts of the network, and of the lab itself. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int open_tun(const char *name)
{
	bool ethernet = strncmp(name, "tap", 3) == 0;
	struct ifreq request = {.ifr_flags = (ethernet ? IFF_TAP : IFF_TUN) | IFF_NO_PI};
	int fd;

	if (strlen(name) >= IFNAMSIZ)
		return -1;
	memcpy(request.ifr_name, name, strlen(name) + 1);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) {
		complain("/dev/net/tun: %s", errno_name(errno));
		return -1;
	}
	return fd;
}

/*
 * void DEVICE: a tun device whose reader throws everything away. To the kernel
 * the packet was sent; nothing is freed as a drop and nobody ever answers, which
 * is what a firewall beyond the node looks like from here.
 */
int play_void(const struct options *options, int count, char **words)
{
	char buffer[65536];
	int fd;

	if (count != 1)
		return EXIT_USAGE;
	fd = open_tun(words[0]);
	if (fd < 0)
		return EXIT_CANNOT;
	if (touch(options->ready))
		return EXIT_CANNOT;
	for (;;)
		if (read(fd, buffer, sizeof(buffer)) < 0 && errno != EINTR)
			sleep_ms(10); /* the device is still down */
}

/* pause: what keeps a pod's namespaces alive and shows up in /proc, like the real one */
int play_pause(const struct options *options)
{
	if (touch(options->ready))
		return EXIT_CANNOT;
	for (;;)
		pause();
}

/*
 * claim PREFIX: print the first number of 0..255 that no other claim holds, and
 * hold it until killed. An abstract socket leaves no lock file behind.
 */
int claim(int count, char **words)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd;

	if (count != 1)
		return EXIT_USAGE;
	for (int i = 0; i < 256; i++) {
		int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "%s-%d", words[0],
		                 i);
		size_t length = offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n;

		if ((size_t)n >= sizeof(name.sun_path) - 1)
			return EXIT_USAGE;
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return EXIT_CANNOT;
		if (bind(fd, (struct sockaddr *)&name, (socklen_t)length) == 0) {
			printf("%d\n", i);
			fclose(stdout);
			for (;;)
				pause();
		}
		close(fd);
	}
	complain("all 256 numbers of %s are taken", words[0]);
	return EXIT_CANNOT;
}
