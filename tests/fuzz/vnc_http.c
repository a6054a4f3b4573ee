/* links: vm-vnc/http_request.c */
/* SPDX-License-Identifier: ISC */
/* A browser's request: understood or refused; what is understood has a method, a path from the root, and names that are tokens. */
#include <stdlib.h>
#include <string.h>

#include "vm-vnc/http_request.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void
check(const struct http_request *r)
{
	if (!*r->method || strlen(r->path) >= HTTP_PATH_MAX || r->path[0] != '/' || r->nheaders > HTTP_HEADERS_MAX)
		abort();
	if (strpbrk(r->path, "\r\n\\"))
		abort();
	for (size_t i = 0; i < r->nheaders; i++)
		if (!*r->headers[i].name || strpbrk(r->headers[i].name, " \t\r\n:") || strpbrk(r->headers[i].value, "\r\n"))
			abort();
	http_has(r, "Connection", "upgrade");
	if (http_header(r, "Content-Length"))
		abort();
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct http_request r;
	char *head;
	size_t len;

	if (size > HTTP_HEAD_MAX || !(len = http_head((const char *)data, size)))
		return 0;
	head = malloc(len); /* so that its end is watched */
	if (!head)
		return 0;
	memcpy(head, data, len);
	if (!http_parse(&r, head, len))
		check(&r);
	free(head);
	return 0;
}
