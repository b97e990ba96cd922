/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Azure's state of its pods' devices: azure-vnet.json of Azure CNI, azure-endpoints.json of
 * CNS when that manages the state. Pure.
 *
 * Source: Azure/azure-container-networking network/manager.go, network/endpoint.go,
 * cns/restserver/restserver.go (EndpointInfo).
 */
#ifndef WD_NODE_AZURESTATE_H
#define WD_NODE_AZURESTATE_H

#include "node/cnicache.h"

/* A node of 250 pods has some 700 KiB. */
#define WD_AZURESTATE_FILE_MAX (8u << 20)
#define WD_AZURESTATE_MAX      4096

/*
 * Either of the two, told apart by what is in it. "{}" is legal: CNS writes it at its start.
 * The caller frees *ret; further endpoints than WD_AZURESTATE_MAX are left out, as are those
 * without a pod's name, or without sandbox, address and device. -EINVAL: no JSON object, or half
 * of one; -ENOMEM.
 */
int wd_azurestate_parse(const char *text, size_t n, struct wd_cnicache **ret, size_t *ret_n);

#endif
