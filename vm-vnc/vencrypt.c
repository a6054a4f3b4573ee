/* SPDX-License-Identifier: ISC */
/*
 * VeNCrypt 0.2, as its viewers and servers do it: a version, one of the types that are offered, TLS where it is of that type,
 * and then the proof that the type asks for.
 */
#include <string.h>

#include "common/bytes.h"
#include "vm-vnc/hello.h"

#define TYPES_MAX 8

/* With TLS on already, or where none is asked for, there is nothing but Plain to be done. */
static bool
is_outside(const struct hello *h)
{
	return policy_tls(h->f) && !h->s->tls;
}

static enum security
wrapped(enum security method, bool x509)
{
	switch (method) {
	case VENCRYPT_PLAIN:
		return x509 ? VENCRYPT_X509_PLAIN : VENCRYPT_TLS_PLAIN;
	case SECURITY_SASL:
		return x509 ? VENCRYPT_X509_SASL : VENCRYPT_TLS_SASL;
	case SECURITY_VNC:
		return x509 ? VENCRYPT_X509_VNC : VENCRYPT_TLS_VNC;
	default:
		return x509 ? VENCRYPT_X509_NONE : VENCRYPT_TLS_NONE;
	}
}

bool
hello_is_x509(enum security type)
{
	return type == VENCRYPT_X509_NONE || type == VENCRYPT_X509_VNC || type == VENCRYPT_X509_PLAIN || type == VENCRYPT_X509_SASL;
}

/* What is to be proved in it. */
static enum security
unwrapped(enum security type)
{
	static const enum security methods[] = {VENCRYPT_PLAIN, SECURITY_SASL, SECURITY_VNC};

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (type == methods[i] || type == wrapped(methods[i], true) || type == wrapped(methods[i], false))
			return methods[i];
	return SECURITY_NONE;
}

/* In the order of our liking, since viewers take the first that they can do. */
static size_t
offer(const struct hello *h, enum security types[TYPES_MAX])
{
	struct hello inside = *h;
	enum security methods[4];
	size_t n, all = 0;

	if (!is_outside(h)) {
		types[0] = VENCRYPT_PLAIN;
		return 1;
	}
	inside.local = true; /* whatever is said in TLS is as good as if it were */
	n = hello_methods(&inside, methods);
	for (size_t i = 0; h->f->tls.x509 && i < n; i++)
		types[all++] = wrapped(methods[i], true);
	for (size_t i = 0; h->f->tls.anonymous && i < n; i++)
		types[all++] = wrapped(methods[i], false);
	return all;
}

static bool
agree_version(struct hello *h)
{
	static const uint8_t version[2] = {0, 2};
	uint8_t theirs[2], fault;

	if (!stream_write(h->s, version, sizeof(version)) || !stream_read(h->s, theirs, sizeof(theirs)))
		return false;
	fault = memcmp(version, theirs, sizeof(version)) != 0;
	return stream_write(h->s, &fault, 1) && !fault;
}

static bool
choose(struct hello *h, const enum security *types, size_t n)
{
	uint8_t list[1 + 4 * TYPES_MAX] = {(uint8_t)n}, choice[4], yes = 1;

	for (size_t i = 0; i < n; i++)
		put_be32(list + 1 + 4 * i, types[i]);
	if (!stream_write(h->s, list, 1 + 4 * n) || !stream_read(h->s, choice, sizeof(choice)))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (get_be32(choice) != (uint32_t)types[i])
			continue;
		h->chosen = types[i];
		return types[i] == VENCRYPT_PLAIN || stream_write(h->s, &yes, 1);
	}
	return false;
}

bool
hello_vencrypt(struct hello *h)
{
	enum security types[TYPES_MAX];
	size_t n = offer(h, types);

	if (!agree_version(h) || !choose(h, types, n))
		return false;
	if (is_outside(h)) {
		const char *why = NULL;

		h->s->tls = tls_accept(&h->f->tls, !hello_is_x509(h->chosen), h->s->fd, &why);
		if (!h->s->tls) {
			h->why = why;
			return false;
		}
		if (hello_is_x509(h->chosen) && !hello_certificate(h))
			return false;
	}
	return hello_prove(h, unwrapped(h->chosen));
}
