/* SPDX-License-Identifier: ISC */
/* The control socket's lines. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/num.h"
#include "common/util.h"
#include "vm-vnc/hub_dev.h"
#include "vm-vnc/keysym.h"
#include "vm-vnc/screenshot.h"

static void
list_clients(const struct hub *h, FILE *out)
{
	for (size_t i = 0; i < MEMBERS_MAX; i++) {
		const struct member *m = &h->members[i];

		if (m->watch.fd >= 0 && m->speaks_rfb)
			fprintf(out, "%u\t%s\t%s\t%s\t%s\t%lld\n", m->id, m->address, m->how, m->view_only ? "view" : "control", m->user,
				(long long)(timer_now() - m->since) / 1000);
	}
}

static const char *
disconnect(struct hub *h, const char *word)
{
	bool all = !strcmp(word, "all"), any = all;
	uint64_t id = 0;

	if (!all && !num_parse(word, 1, UINT32_MAX, &id))
		return "neither a viewer's number nor all";
	for (size_t i = 0; i < MEMBERS_MAX; i++) {
		struct member *m = &h->members[i];

		if (m->watch.fd < 0 || !m->speaks_rfb || (!all && m->id != id))
			continue;
		members_drop(m);
		any = true;
	}
	return any ? NULL : "no such viewer";
}

/* Keys by name or character with - between, all held until the last is down: ctrl-alt-delete. */
static const struct {
	const char *name;
	uint8_t code;
} names[] = {
	{"ctrl", 0x1d}, {"alt", 0x38}, {"shift", KEY_SHIFT}, {"super", 0xdb}, {"altgr", 0xb8}, {"delete", 0xd3}, {"insert", 0xd2}, {"home", 0xc7},
	{"end", 0xcf}, {"up", 0xc8}, {"down", 0xd0}, {"left", 0xcb}, {"right", 0xcd}, {"pgup", 0xc9}, {"pgdn", 0xd1}, {"esc", 0x01},
	{"enter", 0x1c}, {"tab", 0x0f}, {"space", 0x39}, {"backspace", 0x0e}, {"sysrq", 0x54}, {"pause", 0xc6}, {"menu", 0xdd}, {"f1", 0x3b},
	{"f2", 0x3c}, {"f3", 0x3d}, {"f4", 0x3e}, {"f5", 0x3f}, {"f6", 0x40}, {"f7", 0x41}, {"f8", 0x42}, {"f9", 0x43}, {"f10", 0x44},
	{"f11", 0x57}, {"f12", 0x58},
};

static uint8_t
named_key(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(word, names[i].name))
			return names[i].code;
	return word[0] && !word[1] ? keysym_key((uint8_t)word[0]).code : 0;
}

static const char *
press_keys(struct hub *h, char *word)
{
	uint8_t codes[8];
	size_t n = 0;
	char *next;

	for (; word; word = next) {
		next = word[0] ? strchr(word + 1, '-') : NULL;
		if (next)
			*next++ = '\0';
		if (n == ARRAY_LEN(codes) || !(codes[n] = named_key(word)))
			return "keys are those like ctrl-alt-delete, alt-f2, a";
		n++;
	}
	for (size_t i = 0; i < n; i++)
		machine_key(h, codes[i], true);
	while (n)
		machine_key(h, codes[--n], false);
	return NULL;
}

/* By a process of its own, as slow as its reader or disk may be; to a descriptor that came with the line, or to a file. */
static const char *
screenshot(struct hub *h, const char *path, struct control_fds *fds)
{
	int sv[2], out = fds->n ? fds->v[0] : -1;
	pid_t pid;

	if (!h->mode.width)
		return "nothing is shown";
	if (!*path && out < 0)
		return "screenshot FILE, or with a descriptor";
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return strerror(errno);
	pid = fork();
	if (pid == 0) {
		front_forked();
		fd_close_others((const int[]){sv[1], out}, 2);
		_exit(out >= 0 ? screenshot_write(sv[1], out, SCREENSHOT_PNG) : screenshot_save(sv[1], path));
	}
	close(sv[1]);
	if (pid < 0) {
		close(sv[0]);
		return strerror(errno);
	}
	return members_add(h, sv[0], NULL) ? NULL : "too many displays";
}

/* Another display, on the packet socket that came with the line. */
static const char *
add_display(struct hub *h, struct control_fds *fds)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (fds->n != 1 || getsockopt(fds->v[0], SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET)
		return "display comes with one packet socket";
	if (!members_add(h, fds->v[0], NULL))
		return "too many displays";
	fds->v[0] = -1;
	return NULL;
}

const char *
hub_control(void *arg, char *line, struct control_fds *fds, FILE *out)
{
	struct hub *h = arg;
	char *word = line + strcspn(line, " ");
	const char *why = NULL;

	if (front_control(line, fds, out, &why))
		return why;
	if (*word)
		*word++ = '\0';
	if (!strcmp(line, "clients"))
		return list_clients(h, out), NULL;
	if (!strcmp(line, "disconnect"))
		return disconnect(h, word);
	if (!strcmp(line, "screenshot"))
		return screenshot(h, word, fds);
	if (!strcmp(line, "display"))
		return add_display(h, fds);
	if (!strcmp(line, "type"))
		return typist_type(h, word, strlen(word));
	if (!strcmp(line, "paste"))
		return typist_type(h, h->clipboard.text, strnlen(h->clipboard.text, sizeof(h->clipboard.text)));
	if (!strcmp(line, "press"))
		return press_keys(h, word);
	if (!strcmp(line, "quit"))
		return loop_stop(&h->loop), NULL;
	return "not one of: listen, close, listeners, connect, password, clients, disconnect, screenshot, type, paste, press, display, quit";
}
