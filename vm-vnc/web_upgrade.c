/* SPDX-License-Identifier: ISC */
/* From HTTP to WebSocket; the contracts are in web.h. */
#include <arpa/inet.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vm-vnc/web.h"

#define KEY_LENGTH 24 /* 16 bytes as base64 */
#define HOST_MAX 256

/* RFC 6455, 4.2.2: proves that this is no server of something else which was talked into it. */
static void
make_accept(const char *key, char accept[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1])
{
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha;

	sha1_init(&sha);
	sha1_update(&sha, KEY_LENGTH, (const uint8_t *)key);
	sha1_update(&sha, 36, (const uint8_t *)"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	sha1_digest(&sha, sizeof(digest), digest);
	base64_encode_raw(accept, sizeof(digest), digest);
	accept[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE)] = '\0';
}

/*
 * A host that no name server has had a say in: an address, or localhost. A page of a stranger may call itself by a name that
 * leads to us ("DNS rebinding"), and would then be taken for our own.
 */
static bool
is_literal(const char *host)
{
	char name[HOST_MAX];
	struct in_addr a4;
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	return *name == '[' || !strcasecmp(name, "localhost") || inet_pton(AF_INET, name, &a4) == 1;
}

/* Whether a page that was loaded from there may speak with us. */
static bool
origin_allowed(const struct policy *f, const struct http_request *r, bool tls)
{
	const char *origin = http_header(r, "Origin"), *host = http_header(r, "Host"), *scheme = tls ? "https://" : "http://";

	if (!origin)
		return true; /* no browser, and nothing that a page could leave out */
	for (size_t i = 0; i < f->norigins; i++)
		if (!strcmp(f->origins[i], "*") || !strcasecmp(f->origins[i], origin))
			return true;
	if (!host || strncmp(origin, scheme, strlen(scheme)) || strcasecmp(origin + strlen(scheme), host))
		return false;
	return policy_password(f) || f->tls.demand || is_literal(host);
}

static bool
refuse(struct stream *s, const struct http_request *r, int status, const char *more, const char **why, const char *text)
{
	*why = text;
	web_say(s, r, status, more, text);
	return false;
}

bool
web_upgrade(struct stream *s, const struct policy *f, const struct http_request *r, const char **why)
{
	const char *key = http_header(r, "Sec-WebSocket-Key"), *version = http_header(r, "Sec-WebSocket-Version");
	char accept[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1], head[256];
	bool binary = http_has(r, "Sec-WebSocket-Protocol", "binary");
	int n;

	if (strcmp(r->method, "GET") || !http_has(r, "Connection", "upgrade") || !key || strlen(key) != KEY_LENGTH)
		return refuse(s, r, 400, "", why, "not a handshake of WebSocket");
	if (!version || strcmp(version, "13"))
		return refuse(s, r, 426, "Sec-WebSocket-Version: 13\r\n", why, "a version of WebSocket other than 13");
	if (!binary && http_header(r, "Sec-WebSocket-Protocol"))
		return refuse(s, r, 400, "", why, "a WebSocket whose protocol is not binary");
	if (!origin_allowed(f, r, s->tls))
		return refuse(s, r, 403, "", why, "a page from elsewhere (-O origin= allows it)");
	make_accept(key, accept);
	n = snprintf(head, sizeof(head),
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
	    accept, binary ? "Sec-WebSocket-Protocol: binary\r\n" : "");
	*why = "the browser has gone";
	s->web = true;
	return stream_raw_send_all(s, head, (size_t)n);
}
