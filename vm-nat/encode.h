/* SPDX-License-Identifier: ISC */
/* Messages of nf_tables. */
#ifndef VM_NAT_ENCODE_H
#define VM_NAT_ENCODE_H

#include "vm-nat/rules.h"

#define MAP_NAME "__map%d" /* the kernel puts a number in */

/* A message of nf_tables (NFT_MSG_...) into the batch. */
struct nl_msg *nft_add(struct netlink_batch *b, int type, int flags, int family, const char *what);

/* What stands around the changes that are made together; they fail with -ERESTART if the ruleset is no longer of that generation. */
void batch_begin(struct netlink_batch *b, const uint32_t *generation);
void batch_end(struct netlink_batch *b);

#endif
