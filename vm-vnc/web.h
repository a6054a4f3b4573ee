/* SPDX-License-Identifier: ISC */
/* What is there for a browser: the files of noVNC by HTTP, and then WebSocket. */
#ifndef VM_VNC_WEB_H
#define VM_VNC_WEB_H

#include "vm-vnc/policy.h"
#include "vm-vnc/stream.h"

#define WEB_SECONDS 10	/* for a request, and for its answer */
#define WEB_REQUESTS 200 /* on a connection */

/* Answers requests until one turns the stream into a WebSocket: true then. False with *why. */
bool web_serve(struct stream *s, const struct policy *f, int clerk, const char **why);

/* The parts. An answer without a file: its text is for people. `more`: lines of the head, each ended, or "". */
bool web_say(struct stream *s, const struct http_request *r, int status, const char *more, const char *text);
/* A file, or 304, 404, 405. False: the connection is not to be used again. */
bool web_file(struct stream *s, const struct http_request *r, int clerk);
/* The upgrade (RFC 6455, 4.2). False with *why: it was refused, and the browser told so. */
bool web_upgrade(struct stream *s, const struct policy *f, const struct http_request *r, const char **why);

#endif
