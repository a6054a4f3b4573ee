/* SPDX-License-Identifier: ISC */
/* A DHCP server at one end of a socket pair, its clients at the other: frames in, frames out, nothing in between. */
#ifndef TESTS_UNIT_DHCPD_RIG_H
#define TESTS_UNIT_DHCPD_RIG_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vm-dhcpd/ipv4.h"
#include "vm-dhcpd/message.h"
#include "vm-dhcpd/service.h"

#define RIG_HOST "10.0.0.1"

struct rig {
	struct options o;
	struct dhcpd d;
	int wire; /* the clients' end */
	/* The last answer */
	struct packet packet;
	struct message message; /* of its options; the fixed fields are in packet.data */
	uint8_t frame[2048];
};

/* A request to be. */
struct ask {
	struct put out;
	uint8_t buf[IPV4_HEAD + 1500];
};

static int rig_lines = -1; /* what is written to fd 1, where events go */

/* TAP goes to where stdout was. */
static inline void
rig_begin(void)
{
	int pipe_fds[2];

	stdout = fdopen(dup(1), "w");
	if (!stdout || pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0 || dup2(pipe_fds[1], 1) < 0)
		abort();
	rig_lines = pipe_fds[0];
}

/* The events since the last call, without their times, which are the second field; blanks for tabs. */
static inline const char *
rig_events(void)
{
	static char text[65536];
	char *to = text;
	ssize_t n = read(rig_lines, text, sizeof(text) - 1);
	int field = 1;

	text[n > 0 ? n : 0] = '\0';
	for (const char *from = text; *from; from++) {
		if (*from == '\n')
			field = 1;
		else if (*from == '\t' && ++field == 2)
			continue;
		if (field != 2)
			*to++ = *from == '\t' ? ' ' : *from;
	}
	*to = '\0';
	return text;
}

static inline void
rig_default(struct rig *r)
{
	*r = (struct rig){.o = {.wire_fd = -1, .prefix_len = 24}};
	inet_pton(AF_INET, RIG_HOST, &r->o.host);
	settings_init(&r->o.settings);
	r->o.settings.probe_ms = 0;
}

static inline void
rig_set(struct rig *r, const char *setting)
{
	const char *why = settings_add(&r->o.settings, setting);

	if (why)
		ok(false, "%s: %s", setting, why);
}

static inline void
rig_lease(struct rig *r, const char *word)
{
	const char *why = pool_add(&r->o.pool, word);

	if (why)
		ok(false, "%s: %s", word, why);
}

static inline void
rig_open(struct rig *r)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0 || loop_init(&r->d.loop))
		abort();
	r->wire = sv[0];
	r->o.wire_fd = sv[1];
	r->d.options = &r->o;
	dhcp4_service.open(&r->d);
	dhcp4_service.start(&r->d);
}

static inline void
rig_close(struct rig *r)
{
	dhcp4_service.stop(&r->d);
	loop_done(&r->d.loop);
	close(r->wire);
	close(r->o.wire_fd);
	free(r->o.pool.guests);
	for (int i = 0; i < 256; i++)
		free(r->o.settings.option[i].bytes);
}

static inline void
ask_begin(struct ask *a, enum message_type type, unsigned mac)
{
	uint8_t *m = a->buf + IPV4_HEAD;

	memset(a->buf, 0, sizeof(a->buf));
	m[0] = m[1] = 1;
	m[2] = 6;
	memcpy(m + 4, "\x01\x02\x03\x04", 4);
	memcpy(m + 28, "\x52\x54\x00\x00", 4);
	put_be16(m + 32, mac);
	memcpy(m + 236, "\x63\x82\x53\x63\x35\x01", 6);
	m[242] = (uint8_t)type;
	a->out = (struct put){.buf = m, .len = 243, .size = 1500};
}

static inline void
ask_bytes(struct ask *a, unsigned code, const void *bytes, size_t len)
{
	put8(&a->out, code);
	put8(&a->out, (unsigned)len);
	put_bytes(&a->out, bytes, len);
}

static inline void
ask_address(struct ask *a, unsigned code, const char *text)
{
	struct in_addr in;

	inet_pton(AF_INET, text, &in);
	ask_bytes(a, code, &in, 4);
}

/* A fixed field: 12 ciaddr, 24 giaddr. */
static inline void
ask_field(struct ask *a, size_t at, const char *text)
{
	inet_pton(AF_INET, text, a->out.buf + at);
}

/* Sends it, and takes the answer if there is one: its type, or 0. */
static inline int
rig_answer(struct rig *r)
{
	uint8_t copy[2048];
	ssize_t n;

	for (int i = 0; i < 3; i++)
		loop_once(&r->d.loop, 0);
	n = recv(r->wire, r->frame, sizeof(r->frame), MSG_DONTWAIT);
	r->packet = (struct packet){.kind = PACKET_OTHER};
	if (n <= 0)
		return 0;
	packet_parse(&r->packet, r->frame, (size_t)n);
	if (r->packet.kind != PACKET_UDP)
		return -1;
	memcpy(copy, r->packet.data, r->packet.len);
	copy[0] = 1; /* the parser takes requests */
	return message_parse(&r->message, copy, r->packet.len) || r->message.type ? r->message.type : -2;
}

static inline int
rig_ask_from(struct rig *r, struct ask *a, const char *src, const char *dst)
{
	struct station from = {.mac = {0x52, 0x54, 0, 0, 0, 0}}, to = {.mac = {255, 255, 255, 255, 255, 255}};
	size_t len;

	memcpy(from.mac, a->out.buf + 28, 6);
	inet_pton(AF_INET, src, &from.addr);
	inet_pton(AF_INET, dst, &to.addr);
	put8(&a->out, OPT_END);
	len = udp_frame(a->buf, a->out.len, &from, &to, 68, 67);
	if (send(r->wire, a->buf, len, 0) != (ssize_t)len)
		abort();
	return rig_answer(r);
}

static inline int
rig_ask(struct rig *r, struct ask *a)
{
	return rig_ask_from(r, a, "0.0.0.0", "255.255.255.255");
}

/* An address in an answer's fixed fields: 16 yiaddr, 20 siaddr, 24 giaddr; its text is good until the next call but 3. */
static inline const char *
rig_field(struct rig *r, size_t at)
{
	static char text[4][INET_ADDRSTRLEN];
	static int i;

	i = (i + 1) % 4;
	return r->packet.kind == PACKET_UDP ? inet_ntop(AF_INET, r->packet.data + at, text[i], sizeof(text[i])) : "no answer";
}

/* An option of the answer in hexadecimal, or "none". */
static inline const char *
rig_option(struct rig *r, unsigned code)
{
	static char text[4][2048];
	static int i;
	size_t len = 0;
	const uint8_t *p = message_option(&r->message, code, 0, &len);

	i = (i + 1) % 4;
	strcpy(text[i], p ? "" : "none");
	for (size_t k = 0; p && k < len; k++)
		sprintf(text[i] + 2 * k, "%02x", p[k]);
	return text[i];
}

/* The four steps, for a client with that MAC: the address that it has then, or why not. */
static inline const char *
rig_bind(struct rig *r, unsigned mac)
{
	struct ask a;
	char offered[INET_ADDRSTRLEN];

	ask_begin(&a, DHCP_DISCOVER, mac);
	if (rig_ask(r, &a) != DHCP_OFFER)
		return "no offer";
	strcpy(offered, rig_field(r, 16));
	ask_begin(&a, DHCP_REQUEST, mac);
	ask_address(&a, OPT_SERVER, RIG_HOST);
	ask_address(&a, OPT_REQUESTED, offered);
	if (rig_ask(r, &a) != DHCP_ACK)
		return "no acknowledgement";
	return rig_field(r, 16);
}

#endif
