/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer: both ends of every connection in the lab.
 *
 * nc, curl and friends differ between distributions and cannot be told to
 * misbehave in one exact way. This program can: reset after n bytes, never
 * accept, close with unread data, give up while the SYN is still out. It also
 * plays the parts of the network that a namespace cannot: `void` is a device
 * behind which nobody answers, and `claim` hands out lab numbers.
 *
 * Each run is bounded: it dies with its parent and after --life seconds.
 *
 * A client ends with one word, on stderr (or in --report FILE), and an exit
 * status to match: see outcome_of(). Words in capitals that are no errno are
 * ours: TIMEOUT (connect), STALLED (send), NO-ANSWER (receive), EOF (early).
 */
#ifndef LAB_PEER_H
#define LAB_PEER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum exit_status {
	EXIT_OK = 0,
	EXIT_CANNOT = 1, /* the peer itself failed: bind, device, memory */
	EXIT_USAGE = 2,
	EXIT_REFUSED = 10,
	EXIT_TIMED_OUT = 11,
	EXIT_RESET = 12,
	EXIT_UNREACHABLE = 13,
	EXIT_OTHER_ERROR = 14,
};

enum server_mode {
	SERVE_ECHO,       /* send back what comes, until the client closes */
	SERVE_ANSWER,     /* once --read bytes came: send --answer bytes, wait for the client */
	SERVE_RESET,      /* as answer, then RST */
	SERVE_HALF_CLOSE, /* send --answer bytes and FIN at once, then read until the client closes
	                   */
	SERVE_UNREAD,     /* once bytes came: close without reading them, so the kernel sends RST */
	SERVE_BIG,        /* send --answer bytes at once, then close */
	SERVE_HOLD,       /* read, never answer */
	SERVE_MIX,        /* the first byte of the client chooses, see serve_bytes() */
	SERVE_NO_ACCEPT,  /* listen, never accept */
	SERVE_INVALID,
};

enum close_mode {
	CLOSE_NORMAL, /* FIN, after everything that came was read */
	CLOSE_RST,    /* SO_LINGER 0 */
	CLOSE_EARLY,  /* right after connect(), whatever the state */
	CLOSE_UNREAD, /* wait until data lies in the queue, do not read it */
	CLOSE_HALF,   /* FIN first, then read until the server's FIN */
	CLOSE_INVALID,
};

struct options {
	bool udp;
	bool blocking;
	int mode;
	int close;
	int backlog;
	int count;
	int timeout_ms;    /* for connect */
	int io_timeout_ms; /* for each of send and expect */
	int hold_ms;
	int life_s;
	size_t read;
	size_t send;   /* by a client */
	size_t answer; /* by a server */
	size_t expect;
	const char *source;
	const char *ready;  /* file made when a server or filler is ready */
	const char *report; /* file that gets a client's last word */
	const char *mark;   /* file made once connected */
	const char *await;  /* file to wait for after that */
};

struct address {
	struct sockaddr_storage storage;
	socklen_t length;
};

/* ---- options.c: the command line ---- */

extern const char usage_text[];

/* What holds for options that are not given. */
struct options default_options(void);
/* Takes the options out of the words and returns how many words are left, or -1. */
int take_options(struct options *options, int count, char **words);

/* ---- runner.c: what the lab's runner hears from this process ---- */

/* One line on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As in "ECONNRESET". */
const char *errno_name(int error);
/* Makes the file, if there is a path. Complains and returns -1 when it cannot. */
int touch(const char *path);
/* Lets the runner break something between the handshake and the data. */
const char *meet_runner(const struct options *options);
/* Says a client's last word, and returns the exit status that belongs to it. */
int outcome_of(const struct options *options, const char *step, const char *word);

/* ---- clock.c ---- */

int64_t now_ms(void);
void sleep_ms(int ms);
/* True once fd has one of the events, false at the deadline. */
bool wait_for(int fd, short events, int64_t deadline);

/* ---- socket.c ---- */

/* Numeric host and port only. Complains when they are none. */
int parse_address(const char *host, const char *port, bool udp, struct address *ret);
/* Of the address's family, not blocking. */
int new_socket(const struct address *address, bool udp);
/* close() will send RST. */
void reset_on_close(int fd);

/* ---- dial.c: one connection of a client ---- */

/* Bound to --source, if given. -1 with errno. */
int client_socket(const struct options *options, const struct address *to);
/* Connects fd, or says why not. A blocking connect is bounded by SO_SNDTIMEO. */
const char *connect_to(int fd, const struct address *to, const struct options *options);
/* One whole connection. Names the step that failed, and returns the last word. */
const char *converse(int fd, const struct address *to, const struct options *options, char first,
                     const char **ret_step);

/* ---- udp.c ---- */

/* Answers datagrams on these sockets; returns only when poll() fails. */
int serve_udp(const struct options *options, struct pollfd *listeners, int count);

/* ---- the commands: each takes the words after its name and returns an exit status ---- */

/* serve.c: serve ADDRESS PORT... */
int serve(const struct options *options, int count, char **words);
/* client.c: connect ADDRESS PORT, --count times; the first failure ends it */
int client(const struct options *options, int count, char **words);
/* loop.c: loop ADDRESS PORT..., --count connections that end well */
int client_loop(const struct options *options, int count, char **words);
/* client.c: fill ADDRESS PORT, hold --count connections open until killed */
int fill(const struct options *options, int count, char **words);
/* network.c: void DEVICE, throw away what is sent there */
int play_void(const struct options *options, int count, char **words);
/* A new tun device (tap, if its name begins so), without packet information; -1 after a
 * complaint. */
int open_tun(const char *name);
/* beyond.c: beyond DEVICE rst|icmp|syn-ack, answer every SYN that is sent there */
int play_beyond(const struct options *options, int count, char **words);
/* network.c: pause, keep a pod's namespaces alive */
int play_pause(const struct options *options);
/* network.c: claim PREFIX, print and hold a number that no other claim holds */
int claim(int count, char **words);

#endif
