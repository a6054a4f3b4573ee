/* SPDX-License-Identifier: ISC */
/* Requests of a browser; the contracts are in web.h. */
#include <stdio.h>
#include <string.h>

#include "vm-vnc/hello.h"
#include "vm-vnc/web.h"

/* The next head, cut out of what came; its length, 0 when there is none. */
static size_t
take_head(struct stream *s, char head[HTTP_HEAD_MAX])
{
	size_t len;

	while (!(len = http_head(s->ahead + s->ahead_at, s->ahead_len)))
		if (stream_fill(s) == 0)
			return 0;
	memcpy(head, s->ahead + s->ahead_at, len);
	s->ahead_at += len;
	s->ahead_len -= len;
	return len;
}

static const char *
status_text(int status)
{
	switch (status) {
	case 301: return "Moved Permanently";
	case 302: return "Found";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 414: return "URI Too Long";
	case 426: return "Upgrade Required";
	case 431: return "Request Header Fields Too Large";
	default: return "HTTP Version Not Supported";
	}
}

bool
web_say(struct stream *s, const struct http_request *r, int status, const char *more, const char *text)
{
	bool keep = r && r->keep && status < 400, body = status != 304;
	char head[HTTP_PATH_MAX * 3 + 1024];
	int n;

	n = snprintf(head, sizeof(head),
	    "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n%s%sConnection: %s\r\n",
	    status, status_text(status), more, status == 405 ? "Allow: GET, HEAD\r\n" : "", keep ? "keep-alive" : "close");
	if (n < 0 || (size_t)n >= sizeof(head) || !stream_raw_send_all(s, head, (size_t)n))
		return false;
	n = body ? snprintf(head, sizeof(head), "Content-Length: %zu\r\n\r\n%s", strlen(text),
	    r && r->method && !strcmp(r->method, "HEAD") ? "" : text) : snprintf(head, sizeof(head), "\r\n");
	return stream_raw_send_all(s, head, (size_t)n) && keep;
}

/* What a name of a host, with its port, is written with: nothing that could end a line or a URL's part. */
static bool
is_host(const char *host)
{
	return host && *host && strlen(host) < 256 &&
	    !host[strspn(host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._:[]")];
}

/* With a certificate the same is there under https; the page then finds its wss by itself. */
static bool
send_to_https(struct stream *s, const struct policy *f, const struct http_request *r, const char **why)
{
	const char *host = http_header(r, "Host");
	char more[512];

	*why = "a browser without TLS";
	if (!f->tls.x509 || !is_host(host) || http_header(r, "Upgrade")) {
		web_say(s, r, 403, "", f->tls.x509 ? "here: https and wss alone\n" :
		    "TLS is asked for here, which browsers know with a certificate alone: none is given\n");
		return false;
	}
	snprintf(more, sizeof(more), "Location: https://%s/\r\n", host);
	web_say(s, r, 301, more, "over https\n");
	return false;
}

bool
web_serve(struct stream *s, const struct policy *f, int clerk, const char **why)
{
	static char head[HTTP_HEAD_MAX];
	static struct http_request r;

	for (int i = 0; i < WEB_REQUESTS; i++) {
		size_t len;
		int fault;

		hello_deadline(WEB_SECONDS);
		*why = i ? "pages were served" : "not a request of HTTP";
		len = take_head(s, head);
		if (!len)
			return false;
		fault = http_parse(&r, head, len);
		if (fault) {
			*why = "not a request of HTTP";
			web_say(s, NULL, fault, "", "this is not understood\n");
			return false;
		}
		if (policy_tls(f) && !s->tls)
			return send_to_https(s, f, &r, why);
		hello_deadline(WEB_SECONDS);
		if (http_has(&r, "Upgrade", "websocket"))
			return web_upgrade(s, f, &r, why);
		if (!web_file(s, &r, clerk))
			return false;
	}
	return false;
}
