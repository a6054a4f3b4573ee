/* SPDX-License-Identifier: ISC */
/* The clipboard; the contracts are in clipboard.h. */
#include <string.h>
#include <zlib.h>

#include "common/bytes.h"
#include "vm-vnc/clipboard.h"

#define SERVER_CUT_TEXT 3
#define FORMAT_TEXT 1u
#define ACTION_CAPS (1u << 24)
#define ACTION_REQUEST (1u << 25)
#define ACTION_PEEK (1u << 26)
#define ACTION_NOTIFY (1u << 27)
#define ACTION_PROVIDE (1u << 28)

/* ServerCutText; of the extended clipboard with a length below zero. */
static void
write_head(struct output *o, uint32_t len, bool extended)
{
	static const uint8_t head[4] = {SERVER_CUT_TEXT};

	output_put(o, head, sizeof(head));
	output_put32(o, extended ? 0u - len : len);
}

void
clipboard_greet(struct clipboard *c, struct output *o)
{
	c->extended = true;
	write_head(o, 8, true);
	output_put32(o, FORMAT_TEXT | ACTION_CAPS | ACTION_REQUEST | ACTION_PEEK | ACTION_NOTIFY | ACTION_PROVIDE);
	output_put32(o, FB_CLIPBOARD_MAX); /* of text that may come unasked */
}

static void
write_action(struct output *o, uint32_t flags)
{
	write_head(o, 4, true);
	output_put32(o, flags);
}

/* Line ends are CR LF there, and the text ends with a NUL that is counted. */
static void
provide(struct clipboard *c, struct output *o)
{
	static uint8_t plain[4 + 2 * FB_CLIPBOARD_MAX + 1], packed[sizeof(plain) + sizeof(plain) / 1000 + 64];
	uLongf len = sizeof(packed);
	size_t n = 4;

	for (uint32_t i = 0; i < c->ours_len; i++) {
		if (c->ours.text[i] == '\n' && (!i || c->ours.text[i - 1] != '\r'))
			plain[n++] = '\r';
		plain[n++] = (uint8_t)c->ours.text[i];
	}
	plain[n++] = '\0';
	put_be32(plain, (uint32_t)n - 4);
	if (compress(packed, &len, plain, n) != Z_OK)
		return;
	write_head(o, 4 + (uint32_t)len, true);
	output_put32(o, FORMAT_TEXT | ACTION_PROVIDE);
	output_put(o, packed, len);
}

/* What Latin-1 does not have becomes a question mark. */
static void
write_latin(const char *text, uint32_t len, struct output *o)
{
	static char latin[FB_CLIPBOARD_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < len; i++) {
		uint8_t b = (uint8_t)text[i], next = i + 1 < len ? (uint8_t)text[i + 1] : 0;

		if ((b & 0xc0) == 0x80)
			continue; /* the rest of a character */
		latin[n++] = (char)(b < 0x80 ? b : (b & 0xfe) == 0xc2 ? (b & 3) << 6 | (next & 0x3f) : '?');
	}
	write_head(o, n, false);
	output_put(o, latin, n);
}

void
clipboard_tell(struct clipboard *c, const char *text, uint32_t len, struct output *o)
{
	memcpy(c->ours.text, text, len);
	c->ours_len = len;
	if (c->extended)
		write_action(o, FORMAT_TEXT | ACTION_NOTIFY);
	else
		write_latin(text, len, o);
}

/* Without NUL, and with line ends as in Unix. */
static uint32_t
clean(const uint8_t *from, size_t len, char *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < len && from[i]; i++)
		if (from[i] != '\r' || i + 1 == len || from[i + 1] != '\n')
			out[n++] = (char)from[i];
	return n;
}

static uint32_t
from_latin(const uint8_t *from, uint32_t len, char *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < len && n + 2 <= FB_CLIPBOARD_MAX; i++) {
		if (from[i] == '\r' || !from[i])
			continue;
		if (from[i] >= 0x80)
			out[n++] = (char)(0xc0 | from[i] >> 6);
		out[n++] = (char)(from[i] < 0x80 ? from[i] : 0x80 | (from[i] & 0x3f));
	}
	return n;
}

/* What is provided: its length and the text, deflated. More than a guest takes is cut. */
static uint32_t
unpack(const uint8_t *packed, uint32_t len, char *out)
{
	static uint8_t plain[4 + FB_CLIPBOARD_MAX];
	z_stream z = {.next_in = (Bytef *)(uintptr_t)packed, .avail_in = len, .next_out = plain, .avail_out = sizeof(plain)};
	uint32_t got, said;
	int err;

	if (inflateInit(&z) != Z_OK)
		return 0;
	err = inflate(&z, Z_SYNC_FLUSH);
	got = (uint32_t)(sizeof(plain) - z.avail_out);
	inflateEnd(&z);
	if ((err != Z_OK && err != Z_STREAM_END && err != Z_BUF_ERROR) || got < 4)
		return 0;
	said = get_be32(plain);
	return clean(plain + 4, min_u64(said, got - 4), out);
}

uint32_t
clipboard_hear(struct clipboard *c, const uint8_t *bytes, uint32_t len, bool extended, char out[FB_CLIPBOARD_MAX], struct output *o)
{
	uint32_t flags;

	if (!extended)
		return from_latin(bytes, len, out);
	if (!c->extended || len < 4)
		return 0;
	flags = get_be32(bytes);
	if (flags & ACTION_CAPS || !(flags & FORMAT_TEXT))
		return 0;
	if (flags & ACTION_PROVIDE)
		return unpack(bytes + 4, len - 4, out);
	if (flags & ACTION_NOTIFY)
		write_action(o, FORMAT_TEXT | ACTION_REQUEST);
	else if (flags & ACTION_REQUEST && c->ours_len)
		provide(c, o);
	else if (flags & ACTION_PEEK)
		write_action(o, c->ours_len ? FORMAT_TEXT | ACTION_NOTIFY : ACTION_NOTIFY);
	return 0;
}
