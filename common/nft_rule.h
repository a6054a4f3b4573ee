/* SPDX-License-Identifier: ISC */
/* Just enough of nftables to recognize, make and remove rules of the form "from this interface to that one: accept". */
#ifndef COMMON_NFT_RULE_H
#define COMMON_NFT_RULE_H

#include <linux/if.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/nft_message.h"

#define NFT_TAG_MAX (NFT_COMMENT_MAX - 1)
#define NFT_SHORT_NAME_MAX 64 /* of tables and chains as kept here; longer names, up to 255, are cut */

struct nft_rule {
	uint64_t handle;
	uint8_t family; /* NFPROTO_* */
	char table[NFT_SHORT_NAME_MAX], chain[NFT_SHORT_NAME_MAX];
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* the interfaces it is about, by name; empty: any */
	bool bridged;			  /* only from port to port of a bridge (-m physdev --physdev-is-bridged) */
	bool other;			  /* it has conditions beyond these */
	enum { NFT_GOES_ON, NFT_ACCEPTS, NFT_DROPS } verdict;
	char tag[NFT_TAG_MAX + 1]; /* its comment */
};

/* Calls fn with each rule, of one chain or (family AF_UNSPEC, table and chain NULL) of all. 0 or -errno, as netlink_ask. */
int nft_rules_each(struct netlink *nl, uint8_t family, const char *table, const char *chain,
	void (*fn)(const struct nft_rule *r, void *arg), void *arg);

/* Adds a message that makes the rule the first of its chain, of its family, table, chain, in, out and tag: it accepts. */
void nft_rule_insert(struct netlink_batch *b, const struct nft_rule *r);
/* Adds one that takes out the rule, by its handle. */
void nft_rule_delete(struct netlink_batch *b, const struct nft_rule *r);

#endif
