/* SPDX-License-Identifier: ISC */
/* The start of RFB; the contracts are in hello.h. */
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/num.h"
#include "vm-vnc/ask.h"
#include "vm-vnc/hello.h"

#define VERSION_BYTES 12

void
hello_deadline(unsigned seconds)
{
	alarm(seconds);
}

/* "RFB 003.008\n" (7.1.1). What is none of 3.3, 3.7 and 3.8 is taken for 3.3, or, when newer, for 3.8: Apple says 3.889, others 4.1. */
static bool
take_version(struct hello *h)
{
	char text[VERSION_BYTES + 1] = "";
	uint64_t major, minor;

	if (!stream_write(h->s, "RFB 003.008\n", VERSION_BYTES) || !stream_read(h->s, text, VERSION_BYTES)) {
		h->why = "the viewer has gone";
		return false;
	}
	h->why = "it does not speak RFB";
	if (memcmp(text, "RFB ", 4) || text[7] != '.' || text[11] != '\n')
		return false;
	text[7] = text[11] = '\0';
	if (!num_parse(text + 4, 3, 999, &major) || !num_parse(text + 8, 0, 999, &minor))
		return false;
	h->minor = major > 3 || minor >= 8 ? 8 : minor == 7 ? 7 : 3;
	h->why = NULL;
	return true;
}

size_t
hello_methods(const struct hello *h, enum security methods[4])
{
	bool hidden = h->local || h->s->tls; /* nobody else hears what is said */
	size_t n = 0;

	if (hidden && policy_plain(h->f))
		methods[n++] = VENCRYPT_PLAIN;
	if (hidden && h->f->sasl)
		methods[n++] = SECURITY_SASL;
	if (h->f->vnc)
		methods[n++] = SECURITY_VNC;
	if (!policy_password(h->f))
		methods[n++] = SECURITY_NONE;
	return n;
}

/* The security types for this viewer, at most 4; their number. */
static size_t
offer(const struct hello *h, uint8_t types[4])
{
	enum security methods[4];
	size_t n = hello_methods(h, methods);

	if (policy_tls(h->f) && !h->s->tls) {
		types[0] = SECURITY_VENCRYPT;
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		types[i] = methods[i] == VENCRYPT_PLAIN ? SECURITY_VENCRYPT : (uint8_t)methods[i];
	return n;
}

static void
write_reason(struct hello *h, const char *reason)
{
	uint8_t len[4];

	put_be32(len, (uint32_t)strlen(reason));
	if (stream_write(h->s, len, sizeof(len)))
		stream_write(h->s, reason, strlen(reason));
}

/* 3.3: it is not asked, but told (7.1.2). */
static bool
tell_type(struct hello *h, const uint8_t *types, size_t n)
{
	const uint8_t *type = memchr(types, SECURITY_VNC, n);
	uint8_t word[4];

	if (!type)
		type = memchr(types, SECURITY_NONE, n);
	put_be32(word, type ? *type : 0);
	h->chosen = type ? *type : 0;
	if (!stream_write(h->s, word, sizeof(word)))
		return false;
	if (type)
		return true;
	h->why = "RFB 3.3 cannot do what is asked for here";
	write_reason(h, "this needs a viewer that knows RFB 3.8 and VeNCrypt");
	return false;
}

static bool
choose_type(struct hello *h, const uint8_t *types, size_t n)
{
	uint8_t list[5] = {(uint8_t)n}, choice;

	memcpy(list + 1, types, n);
	if (!stream_write(h->s, list, 1 + n))
		return false;
	if (!n) {
		h->why = "names and passwords only over TLS";
		write_reason(h, h->why);
		return false;
	}
	if (!stream_read(h->s, &choice, 1))
		return false;
	h->chosen = choice;
	if (memchr(types, choice, n))
		return true;
	h->why = "the viewer chose what was not offered";
	return false;
}

/* 7.2.2 */
static bool
prove_vnc(struct hello *h)
{
	struct ask_message m;
	uint8_t answer[VNCAUTH_BYTES];
	size_t len;

	h->proof = "password";
	if (ask(h->clerk, ASK_CHALLENGE, NULL, 0, &m, &len, NULL) != ASK_YES || len != VNCAUTH_BYTES)
		return false;
	hello_deadline(HELLO_TYPING);
	if (!stream_write(h->s, m.data, VNCAUTH_BYTES) || !stream_read(h->s, answer, sizeof(answer)))
		return false;
	if (ask(h->clerk, ASK_RESPONSE, answer, sizeof(answer), &m, &len, NULL) != ASK_YES)
		h->why = "a wrong password";
	return !h->why;
}

/* VeNCrypt's Plain: two lengths, a name, a password. */
static bool
prove_plain(struct hello *h)
{
	struct ask_message m;
	char text[HELLO_NAME_MAX + 1 + HELLO_PASSWORD_MAX + 1] = "";
	uint8_t lengths[8];
	uint32_t name, password;
	size_t len;

	h->proof = "plain";
	hello_deadline(HELLO_TYPING);
	if (!stream_read(h->s, lengths, sizeof(lengths)))
		return false;
	name = get_be32(lengths);
	password = get_be32(lengths + 4);
	if (name > HELLO_NAME_MAX || password > HELLO_PASSWORD_MAX) {
		h->why = "a name or password that is too long";
		return false;
	}
	if (!stream_read(h->s, text, name) || !stream_read(h->s, text + name + 1, password))
		return false;
	if (ask(h->clerk, ASK_PLAIN, text, name + 1 + password + 1, &m, &len, NULL) != ASK_YES)
		h->why = "a wrong name or password";
	explicit_bzero(text, sizeof(text));
	return !h->why;
}

bool
hello_prove(struct hello *h, enum security method)
{
	switch (method) {
	case SECURITY_VNC:
		return prove_vnc(h);
	case VENCRYPT_PLAIN:
		return prove_plain(h);
	case SECURITY_SASL:
		return hello_sasl(h);
	default:
		return true;
	}
}

bool
hello_certificate(struct hello *h)
{
	char names[TLS_NAMES_MAX];
	struct ask_message m;
	size_t len;

	if (!h->f->tls.demand)
		return true;
	if (ask(h->clerk, ASK_CERTIFICATE, names, tls_names(h->s->tls, names), &m, &len, NULL) != ASK_YES)
		h->why = "a certificate of nobody who is let in";
	return !h->why;
}

/* The clerk has the last word; he knows what was proved. */
static bool
admitted(struct hello *h)
{
	struct ask_admit a = {.minor = h->minor, .pumped = h->s->tls || h->s->web};
	struct ask_message m;
	size_t len;
	char *at = a.how;

	at = stpcpy(at, !h->s->web ? "rfb+" : h->s->tls ? "wss+" : "ws+");
	if (h->s->tls && !h->s->web)
		at = stpcpy(at, hello_is_x509(h->chosen) ? "x509+" : "tls+");
	stpcpy(at, h->proof);
	if (ask(h->clerk, ASK_ADMIT, &a, sizeof(a), &m, &len, NULL) == ASK_YES)
		return true;
	h->why = "not let in";
	return false;
}

/* SecurityResult (7.1.3): its reason only in 3.8, and none at all for the type None before that. */
static bool
tell_result(struct hello *h, bool in)
{
	uint8_t word[4] = {0, 0, 0, !in};

	if (in && h->chosen == SECURITY_NONE && h->minor < 8)
		return true;
	if (!stream_write(h->s, word, sizeof(word)))
		return false;
	if (!in && h->minor >= 8)
		write_reason(h, h->why);
	return true;
}

bool
hello_run(struct hello *h)
{
	uint8_t types[4];
	size_t n;
	bool good;

	h->proof = "none";
	h->why = NULL;
	if (!take_version(h))
		return false;
	n = offer(h, types);
	good = h->minor == 3 ? tell_type(h, types, n) : choose_type(h, types, n);
	if (!good) {
		if (!h->why)
			h->why = "the viewer has gone";
		return false;
	}
	good = h->chosen == SECURITY_VENCRYPT ? hello_vencrypt(h) : hello_prove(h, h->chosen);
	if (!good && !h->why) {
		h->why = "the viewer has gone";
		return false;
	}
	good = good && admitted(h);
	return tell_result(h, good) && good;
}
