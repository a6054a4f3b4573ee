/* SPDX-License-Identifier: ISC */
/*
 * What a bridge forwards passes every chain of the forward hook, whoever made it: docker's, firewalld's, ufw's. An accept in
 * one of them is not heard by the next (nft(8), VERDICT STATEMENT), so where one drops, only a rule in that very chain helps,
 * or in one that it calls first. This finds such chains, says what would help, and puts in rules that bear a tag, by which
 * they are taken out again.
 */
#ifndef COMMON_FORWARD_BLOCK_H
#define COMMON_FORWARD_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/netlink.h"
#include "common/nft_rule.h"

/* What is to get through: of routed traffic both what comes from the bridge and what goes to it. */
struct forward_path {
	const char *bridge;
	bool routed;   /* else from port to port of the bridge */
	bool ip4, ip6; /* which of them */
};

/* The path from port to port, as far as br_netfilter shows it to the chains of IP in this network namespace: false if not at all. */
bool forward_path_bridged(struct forward_path *p, const char *bridge);

struct forward_block {
	uint8_t family; /* NFPROTO_IPV4, NFPROTO_IPV6 or NFPROTO_INET */
	char table[NFT_SHORT_NAME_MAX], chain[NFT_SHORT_NAME_MAX];
	char into[NFT_SHORT_NAME_MAX]; /* where a rule that helps belongs: DOCKER-USER if that is there, else the chain */
	bool policy;		       /* it drops what no rule of it accepts; else its last rule drops */
	bool legacy;		       /* of iptables-legacy: forward_blocks_open cannot help */
};

struct forward_blocks {
	struct forward_block *v;
	size_t n;
};

/*
 * Finds the chains that drop the path or a part of it, without those that have rules already which let all of it through.
 * nl is of NETLINK_NETFILTER. 0, or -errno with nl->why. A kernel without nf_tables has none.
 */
int forward_blocks_find(struct netlink *nl, const struct forward_path *p, struct forward_blocks *found);
void forward_blocks_free(struct forward_blocks *b);

/* What drops ("ip filter FORWARD: its policy drops what br0 forwards"), and a command that helps. */
void forward_block_describe(const struct forward_block *b, const struct forward_path *p, char *text, size_t size);
void forward_block_remedy(const struct forward_block *b, const struct forward_path *p, char *text, size_t size);

/*
 * Puts rules with the tag (at most NFT_TAG_MAX characters) in front of every chain found, in all or in none. 0, or -errno with
 * nl->why: -EPERM where the table has an owner (firewalld's may), -EOPNOTSUPP for iptables-legacy.
 */
int forward_blocks_open(struct netlink *nl, const struct forward_blocks *b, const struct forward_path *p, const char *tag);

/* Takes out every rule that bears the tag, wherever it is. The number of them, or -errno with nl->why. */
int forward_blocks_close(struct netlink *nl, const char *tag);

#endif
