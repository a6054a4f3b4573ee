/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/bytes.h"
#include "common/fd.h"
#include "common/nbd.h"
#include "common/nbd_client.h"

#define REPLIES_MAX 64 /* to one option: more of them is not a conversation */
#define BLOCK_MIN_MAX 65536

static const char *
receive(int fd, void *buf, size_t len, struct why *w)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = recv(fd, (char *)buf + at, len - at, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return why(w, "%s", errno == EAGAIN ? "the NBD server does not answer" : strerror(errno));
		if (!n)
			return why(w, "the NBD server hung up");
		at += (size_t)n;
	}
	return NULL;
}

static const char *
transmit(int fd, const void *buf, size_t len, struct why *w)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = send(fd, (const char *)buf + at, len - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return why(w, "%s", errno == EAGAIN ? "the NBD server does not listen" : strerror(errno));
		at += (size_t)n;
	}
	return NULL;
}

/* The server's flags answer the client's; then the one option. */
static const char *
ask(int fd, const char *name, struct why *w)
{
	uint8_t hello[NBD_HELLO_LEN], msg[4 + NBD_OPTION_LEN + 4 + NBD_NAME_MAX + 4], *at = msg;
	size_t len = strlen(name);
	const char *bad = receive(fd, hello, sizeof(hello), w);

	if (bad)
		return bad;
	if (get_be64(hello) != NBD_MAGIC || get_be64(hello + 8) != NBD_OPTION_MAGIC || !(get_be16(hello + 16) & NBD_FIXED_NEWSTYLE))
		return why(w, "no NBD server of the fixed newstyle");
	if (len > NBD_NAME_MAX)
		return why(w, "the export's name is too long");
	put_be32(at, NBD_FIXED_NEWSTYLE | (get_be16(hello + 16) & NBD_NO_ZEROES));
	put_be64(at += 4, NBD_OPTION_MAGIC);
	put_be32(at += 8, NBD_OPT_GO);
	put_be32(at += 4, (uint32_t)(4 + len + 4));
	put_be32(at += 4, (uint32_t)len);
	memcpy(at += 4, name, len);
	put_be16(at += len, 1);
	put_be16(at += 2, NBD_INFO_BLOCK_SIZE);
	return transmit(fd, msg, (size_t)(at + 2 - msg), w);
}

static bool
power_of_2(uint32_t n)
{
	return n && !(n & (n - 1));
}

static const char *
take_info(struct nbd_export *e, const uint8_t *p, uint32_t len, bool *told, struct why *w)
{
	unsigned type = len >= 2 ? get_be16(p) : 0;

	if (len < 2 || (type == NBD_INFO_EXPORT && len != 12) || (type == NBD_INFO_BLOCK_SIZE && len != 14))
		return why(w, "the NBD server's answer is no NBD");
	if (type == NBD_INFO_EXPORT) {
		e->size = get_be64(p + 2);
		e->flags = get_be16(p + 10);
		*told = true;
		if (e->size > INT64_MAX || !(e->flags & NBD_FLAG_HAS_FLAGS))
			return why(w, "the NBD server's export cannot be");
	}
	if (type == NBD_INFO_BLOCK_SIZE) {
		e->block_min = get_be32(p + 2);
		e->block_preferred = get_be32(p + 6);
		e->payload_max = get_be32(p + 10);
		if (!power_of_2(e->block_min) || e->block_min > BLOCK_MIN_MAX || !power_of_2(e->block_preferred) ||
		    e->block_preferred < e->block_min || e->payload_max < e->block_min)
			return why(w, "the NBD server's block sizes cannot be");
	}
	return NULL;
}

static const char *
refusal(uint32_t type, const uint8_t *text, uint32_t len, const char *name, struct why *w)
{
	switch (type) {
	case NBD_REP_ERR_UNKNOWN:
		return why(w, "the NBD server has no export '%s'", name);
	case NBD_REP_ERR_TLS_REQD:
		return why(w, "the NBD server wants TLS");
	case NBD_REP_ERR_UNSUP:
		return why(w, "the NBD server is too old: it knows no NBD_OPT_GO");
	default:
		/* Its own words, as far as they can be shown. */
		for (uint32_t i = 0; i < len; i++)
			if (text[i] < ' ' || text[i] > '~')
				len = i;
		return why(w, "the NBD server refuses: %.*s", (int)min_u64(len, 100), (const char *)text);
	}
}

/* Answers until the last: information, then an acknowledgement or an error. */
static const char *
hear(int fd, const char *name, struct nbd_export *e, struct why *w)
{
	uint8_t head[NBD_OPTION_REPLY_LEN], data[NBD_OPTION_MAX];
	bool told = false;

	for (int n = 0; n < REPLIES_MAX; n++) {
		const char *bad = receive(fd, head, sizeof(head), w);
		uint32_t type = get_be32(head + 12), len = get_be32(head + 16);

		if (bad)
			return bad;
		if (get_be64(head) != NBD_REPLY_MAGIC || get_be32(head + 8) != NBD_OPT_GO || len > sizeof(data))
			return why(w, "the NBD server's answer is no NBD");
		bad = receive(fd, data, len, w);
		if (!bad && type == NBD_REP_ACK)
			return told ? NULL : why(w, "the NBD server does not say how large its export is");
		if (!bad && type == NBD_REP_INFO)
			bad = take_info(e, data, len, &told, w);
		else if (!bad && type & NBD_REP_ERROR)
			bad = refusal(type, data, len, name, w);
		if (bad)
			return bad;
	}
	return why(w, "the NBD server comes to no end");
}

static void
set_timeout(int fd, unsigned seconds)
{
	struct timeval t = {.tv_sec = seconds};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

const char *
nbd_handshake(int fd, const char *name, unsigned seconds, struct nbd_export *e, struct why *w)
{
	const char *bad;

	*e = (struct nbd_export){.block_min = 1, .block_preferred = 4096, .payload_max = NBD_PAYLOAD_MAX};
	if (!fd_set_nonblock(fd, false))
		return why(w, "%s", strerror(errno));
	set_timeout(fd, seconds);
	bad = ask(fd, name, w);
	if (!bad)
		bad = hear(fd, name, e, w);
	set_timeout(fd, 0);
	return bad;
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 32 : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

_Bool
nbd_name(const char *s, char *out, size_t size)
{
	for (; *s; s++, out++, size--) {
		int high = *s == '%' ? hex_digit(s[1]) : 0, low = *s == '%' && high >= 0 ? hex_digit(s[2]) : 0;

		if (size < 2 || high < 0 || low < 0 || (*s == '%' && !(high | low)))
			return false;
		*out = *s == '%' ? (char)(high << 4 | low) : *s;
		s += *s == '%' ? 2 : 0;
	}
	*out = 0;
	return size;
}
