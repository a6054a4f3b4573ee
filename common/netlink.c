/* SPDX-License-Identifier: ISC */
/* Netlink: batches and questions; the contracts are in netlink.h, the wire in netlink(7). */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/netlink.h"

#define ANSWER_MAX 65536 /* a dump's messages come in pieces of at most 32 KiB, an object in one of its own */

int
netlink_open(struct netlink *nl, int family)
{
	static const int on = 1;

	*nl = (struct netlink){ .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family) };
	if (nl->fd < 0)
		return -errno;
	/* Both are comforts of newer kernels: errors in words, and without the request they answer. */
	(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

/* Bound, because the kernel, whose port is 0 too, sends to all but its own port. */
int
netlink_listen(struct netlink *nl, int family, int group)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int err = netlink_open(nl, family);

	if (err)
		return err;
	if (bind(nl->fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		err = -errno;
		netlink_close(nl);
	}
	return err;
}

void
netlink_close(struct netlink *nl)
{
	close(nl->fd);
	nl->fd = -1;
}

struct nl_msg *
netlink_add(struct netlink_batch *b, int type, int flags, const void *head, size_t len, const char *what, ...)
{
	struct netlink_batch_entry *e;
	va_list ap;

	if (b->n == b->room) {
		b->room = b->room ? 2 * b->room : 16;
		b->v = reallocarray(b->v, b->room, sizeof(*b->v));
		if (!b->v)
			die_sys("netlink batch");
	}
	e = &b->v[b->n++];
	e->msg = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST);
	if (!e->msg || nlmsg_append(e->msg, (void *)(uintptr_t)head, len, NLMSG_ALIGNTO) < 0)
		die("netlink message: out of memory");
	va_start(ap, what);
	vsnprintf(e->what, sizeof(e->what), what, ap);
	va_end(ap);
	return e->msg;
}

void
netlink_discard(struct netlink_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		nlmsg_free(b->v[i].msg);
	free(b->v);
	*b = (struct netlink_batch){ 0 };
}

/* The messages, numbered, one behind the other: there is no limit to their number, as sendmsg(2) has one to its parts. */
static char *
join(struct netlink *nl, const struct netlink_batch *b, size_t *len)
{
	char *buf, *at;

	*len = 0;
	for (size_t i = 0; i < b->n; i++)
		*len += NLMSG_ALIGN(nlmsg_hdr(b->v[i].msg)->nlmsg_len);
	at = buf = calloc(1, *len);
	for (size_t i = 0; buf && i < b->n; i++) {
		struct nlmsghdr *h = nlmsg_hdr(b->v[i].msg);

		h->nlmsg_seq = ++nl->seq;
		h->nlmsg_pid = 0;
		memcpy(at, h, h->nlmsg_len);
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return buf;
}

/* The kernel takes no more at once than the send buffer has room for. */
static int
send_all(struct netlink *nl, const struct netlink_batch *b)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	size_t len;
	char *buf = join(nl, b, &len);
	int room = (int)len + 4096, err;
	ssize_t sent;

	if (!buf)
		return -ENOMEM;
	if (len > 65536 && setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	do
		sent = sendto(nl->fd, buf, len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	err = sent < 0 ? -errno : 0;
	free(buf);
	return err;
}

/* The kernel's words for an error, or NULL (NLMSGERR_ATTR_MSG, behind the request's header alone as of NETLINK_CAP_ACK). */
static const char *
error_words(struct nlmsghdr *h)
{
	struct nlmsgerr *e = nlmsg_data(h);
	size_t head = sizeof(*e);
	struct nlattr *a;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		head += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	a = nlmsg_find_attr(h, (int)head, NLMSGERR_ATTR_MSG);
	return a && nla_len(a) > 1 ? nla_get_string(a) : NULL;
}

static int
fail(struct netlink *nl, const char *what, int err, const char *words)
{
	snprintf(nl->why, sizeof(nl->why), "%s: %s", what, words ? words : strerror(-err));
	return err;
}

/* What came in of one receive: 0 and its length, -EAGAIN when there is nothing more. */
static int
receive(struct netlink *nl, void *buf, size_t size, int flags, int *len)
{
	ssize_t n;

	do
		n = recv(nl->fd, buf, size, flags | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n > size)
		return -EMSGSIZE;
	*len = (int)n;
	return 0;
}

int
netlink_commit(struct netlink *nl, struct netlink_batch *b, size_t *failed)
{
	char buf[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint32_t first = nl->seq + 1;
	size_t at = b->n;
	int err, len, got, result = 0;

	if (!b->n)
		return 0;
	err = send_all(nl, b);
	if (err) {
		result = fail(nl, b->v[0].what, err, NULL);
		at = 0;
	}
	while (!err && !(got = receive(nl, buf, sizeof(buf), MSG_DONTWAIT, &len))) {
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; nlmsg_ok(h, len); h = nlmsg_next(h, &len)) {
			struct nlmsgerr *e = nlmsg_data(h);
			size_t i = h->nlmsg_seq - first;

			if (h->nlmsg_type != NLMSG_ERROR || !e->error || i >= at)
				continue;
			at = i;
			result = fail(nl, b->v[i].what, e->error, error_words(h));
		}
	}
	if (!result && !err && got != -EAGAIN)
		result = fail(nl, "netlink", got, NULL);
	if (failed)
		*failed = at;
	netlink_discard(b);
	return result;
}

/* The answers in buf[0..len): 1 when the last was among them, 0 to go on, or an error. */
static int
take_answers(struct netlink *nl, char *buf, int len, bool dump, const char *what, int (*fn)(struct nlmsghdr *h, void *arg), void *arg)
{
	for (struct nlmsghdr *h = (struct nlmsghdr *)buf; nlmsg_ok(h, len); h = nlmsg_next(h, &len)) {
		struct nlmsgerr *e = nlmsg_data(h);
		int err;

		if (h->nlmsg_seq != nl->seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			return fail(nl, what, -EAGAIN, "changed meanwhile");
		if (h->nlmsg_type == NLMSG_ERROR)
			return e->error ? fail(nl, what, e->error, error_words(h)) : 1;
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		err = fn(h, arg);
		if (err)
			return err;
		if (!dump)
			return 1;
	}
	return 0;
}

/* After an early end the rest of a dump would be read as the answer to the next question: a new socket has none. */
static int
start_anew(struct netlink *nl, int err)
{
	int family;
	socklen_t size = sizeof(family);
	struct netlink fresh;

	if (getsockopt(nl->fd, SOL_SOCKET, SO_PROTOCOL, &family, &size) < 0 || netlink_open(&fresh, family))
		return err;
	dup3(fresh.fd, nl->fd, O_CLOEXEC);
	close(fresh.fd);
	return err;
}

int
netlink_ask_batch(struct netlink *nl, struct netlink_batch *b, int (*fn)(struct nlmsghdr *h, void *arg), void *arg)
{
	bool dump = (nlmsg_hdr(b->v[0].msg)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	char what[sizeof(b->v[0].what)];
	char *buf = malloc(ANSWER_MAX);
	int len = 0, got = buf ? send_all(nl, b) : -ENOMEM;

	memcpy(what, b->v[0].what, sizeof(what));
	netlink_discard(b);
	if (got)
		fail(nl, what, got, NULL);
	while (!got) {
		got = receive(nl, buf, ANSWER_MAX, 0, &len);
		if (!got)
			got = take_answers(nl, buf, len, dump, what, fn, arg);
		else
			fail(nl, what, got, NULL);
	}
	free(buf);
	return got == 1 ? 0 : dump ? start_anew(nl, got) : got;
}

int
netlink_ask(struct netlink *nl, int type, int flags, const void *head, size_t len, int (*fn)(struct nlmsghdr *h, void *arg), void *arg)
{
	struct netlink_batch b = { 0 };

	netlink_add(&b, type, flags, head, len, "netlink");
	return netlink_ask_batch(nl, &b, fn, arg);
}
