/* SPDX-License-Identifier: ISC */
/* The command line; the contracts are in options.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/wire.h"
#include "vm-slirp/options.h"

static const char usage[] =
    "usage: vm-slirp [options] program [argument ...]\n"
    "       vm-slirp [options] -S socket\n"
    "       vm-slirp [options] -l socket\n"
    "       vm-slirp [options] -w net,fd=N\n"
    "network: [-46xX] [-a address/length] [-D dns] [-L first] [-o address] [-u mtu]\n"
    "names:   [-I name] [-s search] [-Z domain]\n"
    "boot:    [-T dir] [-E bootfile] [-e tftp-name]\n"
    "ports:   [-p [udp:][address:]port:[address:]port] [-g [address:]port=target] [-W [address=]dir]\n"
    "control: [-C path] [-I name] [-n] [-q] [-R fd] [-U user] [-v]\n";

#define OPTSTRING "+:46a:C:D:E:e:g:I:L:l:no:p:qR:S:s:T:U:u:vW:w:XxZ:"

static void
check(char letter, const char *word, const char *why)
{
	if (why)
		die_usage("-%c %s: %s", letter, word, why);
}

/* Words that go into fields of DHCP, whose sizes libslirp cuts silently. */
static const char *
text_opt(char letter, const char *word, size_t max)
{
	if (!*word)
		die_usage("-%c: an empty name", letter);
	if (strlen(word) > max)
		die_usage("-%c %s: longer than %zu characters", letter, word, max);
	return word;
}

static void
add_forward(struct options *o, const char *word)
{
	const char *why;

	if (o->nforwards == FORWARDS_MAX)
		die_usage("-p %s: more than %d forwards", word, FORWARDS_MAX);
	if (!forward_parse(&o->forwards[o->nforwards], word, &why))
		check('p', word, why);
	for (size_t i = 0; i < o->nforwards; i++)
		if (forward_same_host(&o->forwards[i], &o->forwards[o->nforwards]))
			die_usage("-p %s: forwarded already by -p %s", word, o->forward_words[i]);
	o->forward_words[o->nforwards++] = word;
}

static void
add_guestfwd(struct options *o, const char *word)
{
	const char *why;

	if (o->nguestfwds == GUESTFWDS_MAX)
		die_usage("-g %s: more than %d of them", word, GUESTFWDS_MAX);
	if (!guestfwd_parse(&o->guestfwds[o->nguestfwds], word, &why))
		check('g', word, why);
	o->nguestfwds++;
}

/* -W [ADDR=]DIR: both ports on which Windows file sharing is looked for. */
static void
add_smb(struct options *o, char *word)
{
	static const uint16_t ports[] = {139, 445};
	char *eq = word[0] == '/' ? NULL : strchr(word, '=');
	struct in_addr addr = {0};

	if (o->smb_dir)
		die_usage("-W %s: given twice", word);
	if (o->nguestfwds + 2 > GUESTFWDS_MAX)
		die_usage("-W %s: with -g more than %d of them", word, GUESTFWDS_MAX);
	o->smb_dir = eq ? eq + 1 : word;
	if (eq) {
		*eq = '\0';
		if (inet_pton(AF_INET, word, &addr) != 1)
			die_usage("-W %s: not an IPv4 address", word);
	}
	for (size_t i = 0; i < 2; i++)
		o->guestfwds[o->nguestfwds++] =
		    (struct guestfwd){.kind = GUESTFWD_SMB, .addr = addr, .port = ports[i]};
}

static void
add_search(struct network *n, const char *word)
{
	size_t i = 0;

	while (n->search[i])
		i++;
	if (i == SEARCH_MAX)
		die_usage("-s %s: more than %d search domains", word, SEARCH_MAX);
	n->search[i] = text_opt('s', word, 253);
}

static bool
network_option(struct network *n, int c, char *word)
{
	switch (c) {
	case '4': n->in6 = false; break;
	case '6': n->in4 = false; break;
	case 'a': check('a', word, network_set_host(n, word)); break;
	case 'D': check('D', word, network_set_dns(n, word)); break;
	case 'E': n->bootfile = text_opt('E', word, 127); break;
	case 'e': n->tftp_name = text_opt('e', word, 63); break;
	case 'I': n->hostname = text_opt('I', word, 32); break;
	case 'L': check('L', word, network_set_first(n, word)); break;
	case 'o': check('o', word, network_set_outbound(n, word)); break;
	case 's': add_search(n, word); break;
	case 'T': n->tftp_dir = word; break;
	case 'u': n->mtu = (size_t)num_opt('u', word, MTU_MIN, MTU_MAX); break;
	case 'X': n->no_loopback = true; break;
	case 'x': n->restricted = true; break;
	case 'Z': n->domain = text_opt('Z', word, 253); break;
	default: return false;
	}
	return true;
}

static void
other_option(struct options *o, struct wires *ws, int c, char *word)
{
	switch (c) {
	case 'C': o->control = word; break;
	case 'g': add_guestfwd(o, word); break;
	case 'l': o->listen = word; break;
	case 'n': o->check = true; break;
	case 'p': add_forward(o, word); break;
	case 'q': diag_verbose = -1; break;
	case 'R': o->ready_fd = (int)num_opt('R', word, 0, 1 << 20); break;
	case 'S': o->send_to = word; break;
	case 'U': o->user = word; break;
	case 'v': diag_verbose++; break;
	case 'W': add_smb(o, word); break;
	case 'w': wires_add_option(ws, word); break;
	case ':': die_usage("-%c: an argument is missing", optopt);
	default: die_usage("-%c: no such option (try --help)", optopt);
	}
}

static void
choose_mode(struct options *o, struct wires *ws, char **rest)
{
	if (!!*rest + !!o->send_to + !!o->listen + (ws->n || ws->faults) > 1)
		die_usage("a program, -S, -l and -w exclude each other");
	o->program = rest;
	o->mode = *rest ? MODE_LOADER : o->send_to ? MODE_SEND : o->listen ? MODE_LISTEN : MODE_WIRE;
	if (o->mode != MODE_WIRE || (o->check && !ws->n && !getenv("VM_WIRES")))
		return;
	wires_load_env(ws);
	o->wire_fd = wires_only_net(ws);
	if (o->wire_fd < 0)
		die_usage("no program, no -S, no -l and no net wire: nobody to serve (try --help)");
}

static bool
any4(const union address *a)
{
	return a->sa.sa_family == AF_INET && !a->in.sin_addr.s_addr;
}

const char *
options_check_forward(const struct options *o, struct forward *f)
{
	const struct network *n = &o->net;

	if (f->host.sa.sa_family == AF_UNIX && any4(&f->guest) && !n->in4) {
		in_port_t port = f->guest.in.sin_port;

		f->guest.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
	}
	if (f->guest.sa.sa_family == AF_INET && !n->in4)
		return "IPv4 is off (-6)";
	if (f->guest.sa.sa_family == AF_INET6 && !n->in6)
		return "IPv6 is off (-4)";
	if (f->guest.sa.sa_family == AF_INET6 && f->host.sa.sa_family == AF_UNIX && n->in4)
		return "a Unix socket leads to the guest's IPv4 address, unless that is off (-6)";
	if (f->guest.sa.sa_family == AF_INET && !any4(&f->guest) && !network_is_guests(n, f->guest.in.sin_addr))
		return "the guest's address is not one of its network";
	return NULL;
}

static void
check_ports(struct options *o)
{
	for (size_t i = 0; i < o->nforwards; i++)
		check('p', o->forward_words[i], options_check_forward(o, &o->forwards[i]));
	for (size_t i = 0; i < o->nguestfwds; i++) {
		const struct guestfwd *g = &o->guestfwds[i];

		if (!o->net.in4)
			die_usage("-%c: IPv4 is off (-6)", g->kind == GUESTFWD_SMB ? 'W' : 'g');
		if (g->addr.s_addr && !network_is_guests(&o->net, g->addr))
			die_usage("-%c %s: not a free address of the guest's network",
			    g->kind == GUESTFWD_SMB ? 'W' : 'g', inet_ntoa(g->addr));
	}
}

void
options_parse(struct options *o, int argc, char **argv)
{
	static struct wires ws;
	const char *why;
	int c;

	diag_long_options(argc, argv, usage);
	*o = (struct options){.ready_fd = -1, .wire_fd = -1};
	network_init(&o->net);
	while ((c = getopt(argc, argv, OPTSTRING)) != -1)
		if (!network_option(&o->net, c, optarg))
			other_option(o, &ws, c, optarg);
	if (!o->net.in4 && !o->net.in6)
		die_usage("-4 and -6: one of them alone");
	why = network_finish(&o->net);
	if (why)
		die_usage("%s", why);
	check_ports(o);
	if (o->ready_fd >= 0 && !fd_set_cloexec(o->ready_fd, true))
		die_usage("-R %d: not an open descriptor", o->ready_fd);
	choose_mode(o, &ws, argv + optind);
}

void
options_print(const struct options *o)
{
	char text[FORWARD_TEXT_MAX];

	network_print(&o->net);
	for (size_t i = 0; i < o->nforwards; i++) {
		forward_format(&o->forwards[i], text);
		printf("forward\t%s\n", text);
	}
	for (size_t i = 0; i < o->nguestfwds; i++) {
		const struct guestfwd *g = &o->guestfwds[i];

		address_format(&g->target, text, sizeof(text));
		printf("guestfwd\t%s:%u\t%s%s\n", g->addr.s_addr ? inet_ntoa(g->addr) : "default", g->port,
		    g->kind == GUESTFWD_COMMAND ? "|" : "",
		    g->kind == GUESTFWD_COMMAND ? g->command : g->kind == GUESTFWD_SMB ? o->smb_dir : text);
	}
}
