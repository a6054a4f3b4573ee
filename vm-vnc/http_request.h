/* SPDX-License-Identifier: ISC */
/* A request of HTTP/1.1 (RFC 9112): its first line and its headers. Nobody who asks here sends a body. */
#ifndef VM_VNC_HTTP_REQUEST_H
#define VM_VNC_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_HEAD_MAX 8192 /* bytes up to and with the empty line */
#define HTTP_HEADERS_MAX 64
#define HTTP_PATH_MAX 1024

struct http_request {
	const char *method;	   /* "GET", "HEAD", others */
	char path[HTTP_PATH_MAX];  /* without its escapes and its query: "/app/ui.js" */
	bool keep;		   /* the connection, for another one */
	size_t nheaders;
	struct http_header {
		const char *name, *value;
	} headers[HTTP_HEADERS_MAX];
};

/* The length of the head that buf begins with, its empty line included; 0: it is not whole. */
size_t http_head(const char *buf, size_t len);

/* Parses such a head in place: r points into it. 0, or the status of the answer that refuses it (400, 431, ...). */
int http_parse(struct http_request *r, char *head, size_t len);

/* The value of a header, or NULL. */
const char *http_header(const struct http_request *r, const char *name);

/* Whether it is one of the words, parted by commas, of a header (of all headers of that name). Case does not count. */
bool http_has(const struct http_request *r, const char *name, const char *word);

#endif
