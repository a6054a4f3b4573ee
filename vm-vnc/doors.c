/* SPDX-License-Identifier: ISC */
/* Listeners; the contracts are in doors.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/num.h"
#include "common/socket_file.h"
#include "common/util.h"
#include "vm-vnc/doors.h"

#define DISPLAYS 100 /* less is the number of a display, as viewers have it */
#define FIRST_PORT 5900
#define BACKLOG 32

static void
somebody_came(struct watch *w, uint32_t events)
{
	struct door *d = container_of(w, struct door, listener.watch);
	int fd = listener_accept(&d->listener, 0);

	(void)events;
	if (fd >= 0)
		meeting_begin(d->all->meetings, fd, d->kind);
}

void
doors_init(struct doors *ds, const struct policy *policy)
{
	*ds = (struct doors){.policy = policy};
	for (size_t i = 0; i < ARRAY_LEN(ds->list); i++) {
		ds->list[i].fd = -1;
		ds->list[i].all = ds;
	}
}

static bool
parse_port(const char *word, bool display, uint16_t *port)
{
	uint64_t n;

	if (!num_parse(word, display ? 0 : 1, 65535, &n))
		return false;
	*port = (uint16_t)(display && n < DISPLAYS ? FIRST_PORT + n : n);
	return true;
}

bool
doors_parse(union address *a, const char *word, bool display, const char **why)
{
	const char *colon = strrchr(word, ':');
	size_t len = colon ? (size_t)(colon - word) : 0;
	char host[ADDRESS_TEXT_MAX];
	uint16_t port;

	*why = "not [ADDRESS:]PORT";
	if (len >= sizeof(host) || !parse_port(colon ? colon + 1 : word, display, &port))
		return false;
	memcpy(host, word, len);
	host[len] = '\0';
	if (!address_parse_host(a, !len || !strcmp(host, "localhost") ? "127.0.0.1" : host)) {
		*why = "the host is not an address: one in numbers is needed, in brackets where it is one of IPv6";
		return false;
	}
	address_set_port(a, port);
	return true;
}

static int
listen_ip(const union address *a)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, &a->sa, address_len(a)) < 0 || listen(fd, BACKLOG) < 0)
		return fd_close_failed(fd);
	return fd;
}

static const char *
open_ip(struct doors *ds, struct door *d, const char *word, bool at_start, struct why *w)
{
	unsigned tries = 0;
	union address a;
	const char *no;

	if (!doors_parse(&a, word, d->kind == GATE_ANY, &no))
		return no;
	no = policy_may_listen(ds->policy, &a);
	if (no)
		return no;
	while ((d->fd = listen_ip(&a)) < 0 && at_start && fd_in_use_yet(&tries))
		;
	if (d->fd < 0)
		return why(w, "%s", strerror(errno));
	address_format(&a, d->word, sizeof(d->word));
	return NULL;
}

/* PATH[,mode=OCTAL] */
static const char *
open_path(struct door *d, const char *word, struct why *w)
{
	const char *option = strrchr(word, ',');
	size_t len = option ? (size_t)(option - word) : strlen(word);
	char path[ADDRESS_TEXT_MAX];
	mode_t mode = 0600;

	if (option) {
		size_t digits = strspn(option + 6 * !strncmp(option, ",mode=", 6), "01234567");

		if (strncmp(option, ",mode=", 6) || digits < 3 || digits > 4 || option[6 + digits])
			return "behind the path: not ,mode=OCTAL";
		mode = 0;
		for (const char *c = option + 6; *c; c++)
			mode = mode << 3 | (mode_t)(*c - '0');
	}
	if (len >= sizeof(path))
		return "a path longer than a Unix socket's may be";
	memcpy(path, word, len);
	path[len] = '\0';
	d->fd = socket_file_listen(path);
	if (d->fd < 0)
		return why(w, "%s", strerror(errno));
	if (mode != 0600 && chmod(path, mode & 0777) < 0) {
		why(w, "%s", strerror(errno));
		close(d->fd);
		d->fd = -1;
		socket_file_remove(path);
		return w->text;
	}
	memcpy(d->path, path, len + 1);
	memcpy(d->word, path, len + 1);
	return NULL;
}

/* @N */
static const char *
open_given(struct doors *ds, struct door *d, const char *word, struct control_fds *given, struct why *w)
{
	union address a = {.sa.sa_family = AF_UNSPEC};
	socklen_t len = sizeof(a);
	int listens = 0, fd;
	socklen_t size = sizeof(listens);
	const char *no;
	uint64_t n;

	if (!num_parse(word + 1, 0, given ? given->n - !!given->n : INT32_MAX, &n) || (given && !given->n))
		return given ? "no such descriptor came with it" : "not @ and the number of a descriptor";
	fd = given ? given->v[n] : (int)n;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens)
		return "not a listening socket";
	if (getsockname(fd, &a.sa, &len) == 0) {
		no = policy_may_listen(ds->policy, &a);
		if (no)
			return no;
	}
	if (!fd_set_cloexec(fd, true) || !fd_set_nonblock(fd, true))
		return why(w, "%s", strerror(errno));
	d->fd = fd;
	if (given)
		given->v[n] = -1;
	snprintf(d->word, sizeof(d->word), "@%d", fd);
	return NULL;
}

static int
serve(struct door *d)
{
	int err = listener_start(&d->listener, d->all->meetings->loop, d->fd, somebody_came);

	d->served = !err;
	return err;
}

static void
shut(struct door *d)
{
	if (d->served)
		listener_stop(&d->listener);
	else
		close(d->fd);
	d->served = false;
	d->fd = -1;
	if (*d->path)
		socket_file_remove(d->path);
}

const char *
doors_open(struct doors *ds, const char *word, bool browser, struct control_fds *given, struct why *w)
{
	struct door *d = NULL;
	const char *no;
	int err;

	for (size_t i = 0; i < ARRAY_LEN(ds->list) && !d; i++)
		if (ds->list[i].fd < 0)
			d = &ds->list[i];
	if (!d)
		return "more listeners than there may be";
	d->kind = browser ? GATE_BROWSER : GATE_ANY;
	d->path[0] = '\0';
	if (*word == '@')
		no = open_given(ds, d, word, given, w);
	else if (strchr(word, '/'))
		no = open_path(d, word, w);
	else
		no = open_ip(ds, d, word, !given, w);
	err = no || !ds->meetings ? 0 : serve(d);
	if (!err)
		return no;
	shut(d);
	return why(w, "%s", strerror(-err));
}

/* By the word of doors_print(), or by one that means the same. */
static bool
is_called(const struct door *d, const char *word)
{
	char text[ADDRESS_TEXT_MAX];
	union address a;
	const char *why;

	if (!strcmp(d->word, word))
		return true;
	if (!doors_parse(&a, word, d->kind == GATE_ANY, &why))
		return false;
	address_format(&a, text, sizeof(text));
	return !strcmp(d->word, text);
}

const char *
doors_close(struct doors *ds, const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(ds->list); i++) {
		struct door *d = &ds->list[i];

		if (d->fd < 0 || !is_called(d, word))
			continue;
		shut(d);
		return NULL;
	}
	return "no such listener";
}

int
doors_serve(struct doors *ds, struct meetings *ms)
{
	int err = 0;

	ds->meetings = ms;
	for (size_t i = 0; !err && i < ARRAY_LEN(ds->list); i++)
		if (ds->list[i].fd >= 0)
			err = serve(&ds->list[i]);
	return err;
}

void
doors_print(const struct doors *ds, FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(ds->list); i++)
		if (ds->list[i].fd >= 0)
			fprintf(out, "listener\t%s\t%s\n", ds->list[i].word, ds->list[i].kind == GATE_BROWSER ? "browser" : "any");
}

void
doors_end(struct doors *ds)
{
	for (size_t i = 0; i < ARRAY_LEN(ds->list); i++)
		if (ds->list[i].fd >= 0)
			shut(&ds->list[i]);
}

void
doors_forked(struct doors *ds)
{
	for (size_t i = 0; i < ARRAY_LEN(ds->list); i++)
		if (ds->list[i].fd >= 0)
			close(ds->list[i].fd);
}
