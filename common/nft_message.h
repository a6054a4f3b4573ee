/* SPDX-License-Identifier: ISC */
/* Messages of nf_tables (linux/netfilter/nf_tables.h): what each is made of. All numbers of their attributes are big-endian. */
#ifndef COMMON_NFT_MESSAGE_H
#define COMMON_NFT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/netlink.h"

#define NFT_COMMENT_MAX 128 /* with its NUL; nft reads back no longer ones */

/* A transaction: all that is added between the two is done by netlink_commit, or nothing of it. It fails with -ERESTART if the
 * ruleset is no longer of that generation; NULL: of any. */
void nft_begin(struct netlink_batch *b, const uint32_t *generation);
void nft_end(struct netlink_batch *b);

/* A message of type NFT_MSG_...; as netlink_add. */
struct nl_msg *nft_add(struct netlink_batch *b, int type, int flags, int family, const char *what, ...)
	__attribute__((format(printf, 5, 6)));

void nft_put32(struct nl_msg *m, int attr, uint32_t value);

/* An expression of a rule: its attributes stand between the two. */
struct nft_expression {
	struct nlattr *element, *data;
};
struct nft_expression nft_open(struct nl_msg *m, const char *name);
void nft_close(struct nl_msg *m, struct nft_expression e);

/* Bytes to be loaded or compared. */
void nft_put_value(struct nl_msg *m, int attr, const void *data, size_t len);

/* Whole expressions: is register 1 such bytes (NFT_CMP_...); is an interface's name (NFT_META_...) this one; the verdict, with a
 * chain where it is a jump. */
void nft_put_compare(struct nl_msg *m, int op, const void *data, size_t len);
void nft_put_load_meta(struct nl_msg *m, uint32_t key);
void nft_put_interface(struct nl_msg *m, uint32_t key, int op, const char *name);
void nft_put_verdict(struct nl_msg *m, int code, const char *chain);

/* The comment of a table or rule, in its user data: put, cut to NFT_COMMENT_MAX; read from it, empty when there is none. */
void nft_put_comment(struct nl_msg *m, int attr, const char *text);
void nft_read_comment(struct nlattr *data, char comment[NFT_COMMENT_MAX]);

#endif
