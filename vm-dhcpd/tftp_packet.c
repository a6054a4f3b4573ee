/* SPDX-License-Identifier: ISC */
/* TFTP's packets and windows; the contracts are in tftp_packet.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/bytes.h"
#include "common/num.h"
#include "vm-dhcpd/put.h"
#include "vm-dhcpd/tftp_packet.h"

/* Takes the next text of a packet, up to its NUL. NULL at the end, or when there is no NUL. */
static char *
next_text(uint8_t **p, const uint8_t *end)
{
	uint8_t *text = *p, *nul = memchr(text, 0, (size_t)(end - text));

	if (!nul)
		return NULL;
	*p = nul + 1;
	return (char *)text;
}

/* A value out of range is as if nobody had asked: RFC 2347 lets a server leave any option unacknowledged. */
static void
take_option(struct tftp_request *r, const char *name, const char *value)
{
	uint64_t n;

	if (!strcasecmp(name, "tsize"))
		r->tsize = true;
	else if (!strcasecmp(name, "blksize") && num_parse(value, 8, TFTP_BLKSIZE_MAX, &n))
		r->blksize = (unsigned)n;
	else if (!strcasecmp(name, "windowsize") && num_parse(value, 1, UINT16_MAX, &n))
		r->window = (unsigned)n;
	else if (!strcasecmp(name, "timeout") && num_parse(value, 1, TFTP_TIMEOUT_MAX, &n))
		r->timeout = (unsigned)n;
}

bool
tftp_parse_request(struct tftp_request *r, uint8_t *packet, size_t len, enum tftp_code *code, const char **why)
{
	uint8_t *p = packet + 2, *end = packet + len;
	char *name, *mode, *option, *value;

	*r = (struct tftp_request){0};
	*why = NULL;
	if (len < 4 || len > TFTP_REQUEST_MAX || (get_be16(packet) != TFTP_RRQ && get_be16(packet) != TFTP_WRQ))
		return false;
	name = next_text(&p, end);
	mode = name ? next_text(&p, end) : NULL;
	if (!mode)
		return false;
	r->name = name;
	for (; *name; name++)
		if (*name == '\\')
			*name = '/';
	while ((option = next_text(&p, end)) && (value = next_text(&p, end)))
		take_option(r, option, value);
	*code = TFTP_ILLEGAL;
	if (get_be16(packet) == TFTP_WRQ) {
		*code = TFTP_ACCESS;
		*why = "nothing is written here";
	} else if (strcasecmp(mode, "octet") != 0) {
		/* Passing bytes as they are for netascii would have the client spoil them when it translates line ends. */
		*why = "octet mode only (binary)";
	}
	return true;
}

void
tftp_settle(struct tftp_request *r, unsigned most)
{
	unsigned fit;

	if (r->blksize > most)
		r->blksize = most;
	fit = 65000 / ((r->blksize ? r->blksize : TFTP_BLKSIZE) + 4);
	if (fit > TFTP_WINDOW_MAX)
		fit = TFTP_WINDOW_MAX;
	if (!fit)
		fit = 1;
	if (r->window > fit)
		r->window = fit;
}

bool
tftp_has_options(const struct tftp_request *r)
{
	return r->blksize || r->window || r->timeout || r->tsize;
}

static void
put_option(struct put *b, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put_bytes(b, name, strlen(name) + 1);
	put_bytes(b, text, strlen(text) + 1);
}

size_t
tftp_put_oack(uint8_t out[TFTP_REPLY_MAX], const struct tftp_request *r, uint64_t size)
{
	struct put b = {.buf = out, .size = TFTP_REPLY_MAX};

	put16(&b, TFTP_OACK);
	if (r->blksize)
		put_option(&b, "blksize", r->blksize);
	if (r->tsize)
		put_option(&b, "tsize", size);
	if (r->timeout)
		put_option(&b, "timeout", r->timeout);
	if (r->window)
		put_option(&b, "windowsize", r->window);
	return b.len;
}

size_t
tftp_put_error(uint8_t out[TFTP_REPLY_MAX], enum tftp_code code, const char *why)
{
	struct put b = {.buf = out, .size = TFTP_REPLY_MAX};

	put16(&b, TFTP_ERROR);
	put16(&b, code);
	put_bytes(&b, why, strlen(why) + 1);
	return b.len;
}

/*
 * An acknowledgement that was seen before asks for nothing: to answer it would double every packet from then on (RFC 1123,
 * 4.2.3.1). With a window it may be the only way to say that the first block of it was lost (RFC 7440, 4): it is answered
 * once, and after that the timer has to do.
 */
enum tftp_next
tftp_acked(struct tftp_window *w, uint16_t block)
{
	uint16_t n = (uint16_t)(block - (uint16_t)w->acked);

	if (w->oack) {
		if (block)
			return TFTP_WAIT;
		w->oack = false;
		return TFTP_SEND;
	}
	if (!n && w->size > 1 && !w->repeated && w->sent > w->acked) {
		w->repeated = true;
		return TFTP_SEND;
	}
	if (!n || n > w->sent - w->acked)
		return TFTP_WAIT;
	w->acked += n;
	w->repeated = false;
	return w->acked == w->total ? TFTP_DONE : TFTP_SEND;
}

unsigned
tftp_send_next(struct tftp_window *w)
{
	uint64_t left = w->total - w->acked;
	unsigned n = left < w->size ? (unsigned)left : w->size;

	w->sent = w->acked + n;
	return n;
}
