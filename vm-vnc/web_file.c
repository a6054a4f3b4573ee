/* SPDX-License-Identifier: ISC */
/* The files of a web page: the clerk opens them, here they are read; the contracts are in web.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/util.h"
#include "vm-vnc/ask.h"
#include "vm-vnc/hello.h"
#include "vm-vnc/web.h"

#define PIECE 16384
#define START "/vnc.html?autoconnect=true&resize=remote"

static const char *
content_type(const char *path)
{
	static const struct {
		const char *ending, *type;
	} types[] = {
	    {".html", "text/html; charset=utf-8"},
	    {".js", "text/javascript; charset=utf-8"},
	    {".css", "text/css; charset=utf-8"},
	    {".json", "application/json"},
	    {".svg", "image/svg+xml"},
	    {".png", "image/png"},
	    {".ico", "image/x-icon"},
	    {".woff", "font/woff"},
	    {".woff2", "font/woff2"},
	    {".ttf", "font/ttf"},
	    {".mp3", "audio/mpeg"},
	    {".oga", "audio/ogg"},
	    {".wasm", "application/wasm"},
	    {".txt", "text/plain; charset=utf-8"},
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_LEN(types); i++)
		if (!strcmp(dot, types[i].ending))
			return types[i].type;
	return "application/octet-stream";
}

/* As much as was said, or false: a file that has become shorter meanwhile leaves an answer that cannot be ended. */
static bool
send_body(struct stream *s, int fd, uint64_t left)
{
	static char buf[PIECE];

	while (left) {
		ssize_t n = read(fd, buf, (size_t)min_u64(left, sizeof(buf)));

		if (n <= 0 || !stream_raw_send_all(s, buf, (size_t)n))
			return false;
		left -= (uint64_t)n;
		hello_deadline(WEB_SECONDS);
	}
	return true;
}

static bool
send_file(struct stream *s, const struct http_request *r, int fd, const struct ask_file *file)
{
	char head[512], tag[48];
	int n;

	snprintf(tag, sizeof(tag), "\"%" PRIx64 "-%" PRIx64 "\"", file->mtime, file->size);
	if (http_has(r, "If-None-Match", tag)) {
		snprintf(head, sizeof(head), "ETag: %s\r\nCache-Control: no-cache\r\n", tag);
		return web_say(s, r, 304, head, "");
	}
	n = snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %" PRIu64 "\r\nETag: %s\r\nCache-Control: no-cache\r\n"
	    "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: frame-ancestors 'self'\r\nConnection: %s\r\n\r\n",
	    content_type(r->path), file->size, tag, r->keep ? "keep-alive" : "close");
	if (!stream_raw_send_all(s, head, (size_t)n))
		return false;
	return (!strcmp(r->method, "HEAD") || send_body(s, fd, file->size)) && r->keep;
}

/* "/": its index.html, else noVNC's page. */
static const char *
wanted(const struct http_request *r)
{
	return strcmp(r->path, "/") ? r->path : "/index.html";
}

bool
web_file(struct stream *s, const struct http_request *r, int clerk)
{
	const char *path = wanted(r);
	struct ask_message m;
	struct ask_file file;
	size_t len;
	bool keep;
	int fd;

	if (strcmp(r->method, "GET") && strcmp(r->method, "HEAD"))
		return web_say(s, r, 405, "", "files can be got here, no more\n");
	if (ask(clerk, ASK_FILE, path, strlen(path), &m, &len, &fd) != ASK_YES || len != sizeof(file) || fd < 0) {
		if (path != r->path)
			return web_say(s, r, 302, "Location: " START "\r\n", "noVNC\n");
		return web_say(s, r, 404, "", "there is no such file (noVNC is in Debian's package novnc)\n");
	}
	memcpy(&file, m.data, sizeof(file));
	keep = send_file(s, r, fd, &file);
	close(fd);
	return keep;
}
