/* SPDX-License-Identifier: ISC */
/* The command line of a cable, and its end for the guest; the contracts are in plug.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "vm-bridge/plug.h"

static void
add(char letter, const char **list, size_t *n, size_t max, const char *word)
{
	if (*n == max)
		die_usage("-%c %s: more than %zu of them", letter, word, max);
	list[(*n)++] = word;
}

static int
ready_opt(const char *word)
{
	int fd = (int)num_opt('R', word, 0, 1 << 20);

	if (fcntl(fd, F_GETFD) < 0)
		die_usage("-R %s: not an open descriptor", word);
	return fd;
}

static void
option(struct plug *p, const char *verb, int c, const char *word)
{
	switch (c) {
	case '1': p->once = true; break;
	case 'C': p->control = word; break;
	case 'l': add('l', p->listen, &p->nlisten, PLUG_LISTEN_MAX, word); break;
	case 'O': add('O', p->settings, &p->nsettings, sizeof(p->settings) / sizeof(*p->settings), word); break;
	case 'q': diag_verbose = -1; break;
	case 'R': p->ready_fd = ready_opt(word); break;
	case 'S': p->send_to = word; break;
	case 'U': p->user = word; break;
	case 'u': p->mtu = (unsigned)num_opt('u', word, 68, 65521); break;
	case 'v': diag_verbose++; break;
	case 'w': add('w', p->wires, &p->nwires, WIRES_MAX, word); break;
	case ':': die_usage("%s: -%c: an argument is missing", verb, optopt);
	default: die_usage("%s: -%c: no such option (try --help)", verb, optopt);
	}
}

void
plug_parse(struct plug *p, int argc, char **argv, const char *letters, const char *what)
{
	int c;

	*p = (struct plug){.ready_fd = -1};
	opterr = 0;
	while ((c = getopt(argc, argv, letters)) != -1)
		option(p, argv[0], c, optarg);
	if (optind < argc)
		p->operand = argv[optind++];
	if (optind < argc)
		p->program = argv + optind;
	if (!p->operand && what)
		die_usage("%s: no %s (try --help)", argv[0], what);
	if (p->program && p->send_to)
		die_usage("%s: a program and -S exclude each other", argv[0]);
	if (p->program)
		diag_exit = 125;
}

bool
plug_serves(const struct plug *p)
{
	return !p->program && !p->send_to;
}

static void
format_wire(const struct plug *p, char word[WIRE_TEXT_MAX], int fd)
{
	int len = snprintf(word, WIRE_TEXT_MAX, "net,fd=%d", fd);

	if (p->mtu)
		snprintf(word + len, WIRE_TEXT_MAX - (size_t)len, ",mtu=%u", p->mtu);
}

static void
export(const struct plug *p, int fd)
{
	char word[WIRE_TEXT_MAX];

	format_wire(p, word, fd_move_high(fd));
	wire_export(word);
}

int
plug_hand_on(const struct plug *p, int fd)
{
	char word[WIRE_TEXT_MAX];
	int status;

	/* Whoever gets it may be a program that reads and writes and no more. */
	if (!fd_set_nonblock(fd, false))
		die_sys("the guest's end");
	if (!p->send_to) {
		backend_tell(p->ready_fd);
		export(p, fd);
		wire_exec(p->program);
	}
	format_wire(p, word, 0);
	status = wire_send(p->send_to, word, &fd, 1);
	if (!status)
		backend_tell(p->ready_fd);
	return status;
}

void
plug_hand_on_both(const struct plug *p, const int fds[2])
{
	backend_tell(p->ready_fd);
	export(p, fds[0]);
	export(p, fds[1]);
	wire_exec(p->program);
}

/* Counts what can be plugged in; anything else is a fault. */
static size_t
check_kinds(struct wires *ws)
{
	size_t nets = 0;

	for (const struct wire *w = ws->v; w < ws->v + ws->n; w++) {
		if (w->kind == WIRE_NET && w->nfds == 1) {
			nets++;
		} else if (w->kind != WIRE_HOLD) {
			error("%s: not a net wire of one queue, which alone is plugged in here", w->id);
			ws->faults++;
		}
	}
	return nets;
}

struct wires *
plug_wires(const struct plug *p, bool one)
{
	static struct wires ws;
	size_t nets;

	wires_load_env(&ws);
	for (size_t i = 0; i < p->nwires; i++)
		wires_add_option(&ws, p->wires[i]);
	wires_check(&ws);
	nets = check_kinds(&ws);
	if (ws.faults)
		exit(2);
	if (one && nets != 1)
		die_usage(nets ? "more than one net wire" : "no program, no -S and no net wire: nobody to plug in (try --help)");
	wires_close_others(&ws, p->ready_fd);
	return &ws;
}
