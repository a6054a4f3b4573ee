/* SPDX-License-Identifier: ISC */
/*
 * Netlink (rtnetlink and nfnetlink) over libnl-3, which builds and reads the messages. A request is answered while it is
 * sent, so what the kernel has to say of a batch is there when sendmsg returns, and nothing here waits.
 */
#ifndef COMMON_NETLINK_H
#define COMMON_NETLINK_H

#include <netlink/msg.h>
#include <stddef.h>

struct netlink {
	int fd;	      /* close-on-exec */
	uint32_t seq; /* of the last message */
	char why[160]; /* of the last failure: WHAT: the kernel's own words, or those of errno */
};

/* Opens a socket of the family (NETLINK_ROUTE, NETLINK_NETFILTER). 0 or -errno. */
int netlink_open(struct netlink *nl, int family);
void netlink_close(struct netlink *nl);

/* Opens a socket that only hears of changes: a group of linux/rtnetlink.h (RTNLGRP_LINK). Poll and read nl->fd; ENOBUFS
 * says that news were lost, so look at the state itself, not at the news. 0 or -errno. */
int netlink_listen(struct netlink *nl, int family, int group);

struct netlink_batch_entry {
	struct nl_msg *msg;
	char what[64]; /* for a failure: what the message is about */
};

struct netlink_batch {
	struct netlink_batch_entry *v;
	size_t n, room;
};

/*
 * Appends a message with its family's header; the caller puts attributes into what is returned, which is the batch's.
 * NLM_F_REQUEST is added to flags. The words say what it is about ("br0: address 10.0.0.1/24"). Dies without memory.
 */
struct nl_msg *netlink_add(struct netlink_batch *b, int type, int flags, const void *head, size_t len, const char *what, ...)
	__attribute__((format(printf, 6, 7)));

/*
 * Sends all messages in one system call, and empties the batch. 0, or the -errno of the first that failed, with nl->why.
 * An nfnetlink batch is all or nothing; rtnetlink goes on after a failure: then *failed (which may be NULL) is the index of
 * the first message that failed, and those after it may have been done.
 */
int netlink_commit(struct netlink *nl, struct netlink_batch *b, size_t *failed);
void netlink_discard(struct netlink_batch *b);

/*
 * Asks and hands each answer to fn: of a dump (NLM_F_DUMP in flags), or of one object. fn returns 0, or the -errno that ends
 * the call; it must not use nl. 0 or -errno; -EAGAIN when a dump was changed under way and must be begun again.
 */
int netlink_ask(struct netlink *nl, int type, int flags, const void *head, size_t len, int (*fn)(struct nlmsghdr *h, void *arg), void *arg);

/* As netlink_ask, with attributes: the message is built by the caller (netlink_add) and is the only one in the batch, which it empties. */
int netlink_ask_batch(struct netlink *nl, struct netlink_batch *b, int (*fn)(struct nlmsghdr *h, void *arg), void *arg);

#endif
