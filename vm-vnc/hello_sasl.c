/* SPDX-License-Identifier: ISC */
/* The security type SASL, as QEMU defined it: mechanisms, one of them, and steps of it, each behind its length. */
#include <string.h>

#include "common/bytes.h"
#include "vm-vnc/ask.h"
#include "vm-vnc/hello.h"

#define MECHANISM_MAX 100

/* A length and as many bytes; with a NUL, which the protocol counts, where there are any and it is not the mechanisms. */
static bool
write_counted(struct hello *h, const void *data, size_t len, bool terminated)
{
	static const char nul;
	uint8_t word[4];

	put_be32(word, (uint32_t)(len + (len && terminated)));
	return stream_write(h->s, word, sizeof(word)) && stream_write(h->s, data, len) &&
	    (!len || !terminated || stream_write(h->s, &nul, 1));
}

/* At most max bytes; their number in *len. */
static bool
read_counted(struct hello *h, void *data, size_t max, size_t *len)
{
	uint8_t word[4];

	if (!stream_read(h->s, word, sizeof(word)))
		return false;
	*len = get_be32(word);
	if (*len > max) {
		h->why = "more of SASL than there may be";
		return false;
	}
	return stream_read(h->s, data, *len);
}

static bool
write_step(struct hello *h, const struct ask_message *m, size_t len, enum ask_verdict verdict)
{
	uint8_t done = verdict != ASK_MORE;

	return write_counted(h, m->data, len, true) && stream_write(h->s, &done, 1);
}

bool
hello_sasl(struct hello *h)
{
	static uint8_t data[MECHANISM_MAX + 1 + HELLO_SASL_MAX];
	struct ask_message m;
	enum ask_verdict verdict;
	size_t mechanism, len, got;

	h->proof = "sasl";
	hello_deadline(HELLO_TYPING);
	if (ask(h->clerk, ASK_MECHANISMS, NULL, 0, &m, &got, NULL) != ASK_YES || !write_counted(h, m.data, got, false) ||
	    !read_counted(h, data, MECHANISM_MAX, &mechanism))
		return false;
	data[mechanism++] = '\0';
	if (!read_counted(h, data + mechanism, HELLO_SASL_MAX, &len))
		return false;
	verdict = ask(h->clerk, ASK_START, data, mechanism + len, &m, &got, NULL);
	while (verdict == ASK_MORE) {
		if (!write_step(h, &m, got, verdict) || !read_counted(h, data, HELLO_SASL_MAX, &len))
			return false;
		verdict = ask(h->clerk, ASK_STEP, data, len, &m, &got, NULL);
	}
	if (verdict != ASK_YES) {
		h->why = "a wrong name or password";
		got = 0;
	}
	return write_step(h, &m, got, verdict) && !h->why;
}
