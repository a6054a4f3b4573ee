/* SPDX-License-Identifier: ISC */
/* The command line; the contracts are in options.h. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/wire.h"
#include "vm-dhcpd/options.h"

static const char usage[] =
    "usage: vm-dhcpd [options] -b bridge\n"
    "       vm-dhcpd [options] -w net,fd=N\n"
    "       vm-dhcpd [-jq] [-b bridge] [-d dir] list\n"
    "       vm-dhcpd [-q] [-b bridge] [-d dir] [-t seconds] mac\n"
    "addresses: [-a address[/length]] [-L address-address] [-L guest=address]\n"
    "settings: [-O setting]\n"
    "booting: [-E file] [-e name] [-T dir]\n"
    "process: [-d dir] [-nqv] [-R fd] [-U user] [-w wire]\n";

#define OPTSTRING "+a:b:d:E:e:jL:nO:qR:T:t:U:vw:"

static void
check(char letter, const char *word, const char *why)
{
	if (why)
		die_usage("-%c %s: %s", letter, word, why);
}

/* -a ADDR[/LEN] */
static void
set_host(struct options *o, char *word)
{
	char *slash = strchr(word, '/');
	uint64_t len = 0;

	if (slash && !num_parse(slash + 1, 8, 30, &len))
		die_usage("-a %s: not a prefix length from 8 to 30", word);
	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, word, &o->host) != 1 || !o->host.s_addr)
		die_usage("-a %s: not an IPv4 address", word);
	o->prefix_len = (unsigned)len;
}

static void
take_option(struct options *o, struct wires *ws, int c, char *word)
{
	switch (c) {
	case 'a': set_host(o, word); break;
	case 'b': o->bridge = word; break;
	case 'd': o->dir = word; break;
	case 'E': check('E', word, pxe_add(&o->pxe, word)); break;
	case 'e': check('e', word, pxe_set_server(&o->pxe, word)); break;
	case 'j': o->json = true; break;
	case 'L': check('L', word, pool_add(&o->pool, word)); break;
	case 'n': o->check = true; break;
	case 'O': check('O', word, settings_add(&o->settings, word)); break;
	case 'q': diag_verbose = -1; break;
	case 'R': o->ready_fd = (int)num_opt('R', word, 0, 1 << 20); break;
	case 'T': o->tftp_dir = word; break;
	case 't': o->wait_seconds = (int)num_opt('t', word, 0, 1 << 30); break;
	case 'U': o->user = word; break;
	case 'v': diag_verbose++; break;
	case 'w': wires_add_option(ws, word); break;
	case ':': die_usage("-%c: an argument is missing", optopt);
	default: die_usage("-%c: no such option (try --help)", optopt);
	}
}

static void
take_operands(struct options *o, char **rest)
{
	if (!*rest)
		return;
	if (rest[1])
		die_usage("%s: one word at most: list, or a MAC address", rest[1]);
	if (!strcmp(*rest, "list"))
		o->mode = MODE_LIST;
	else if (mac_parse(*rest, o->mac))
		o->mode = MODE_WAIT;
	else
		die_usage("%s: neither list nor a MAC address", *rest);
	if (o->dir && !strcmp(o->dir, "none"))
		die_usage("-d none: there is nothing to look at");
}

void
options_parse(struct options *o, int argc, char **argv)
{
	static struct wires ws;
	int c;

	diag_long_options(argc, argv, usage);
	*o = (struct options){.wire_fd = -1, .ready_fd = -1, .wait_seconds = -1};
	settings_init(&o->settings);
	while ((c = getopt(argc, argv, OPTSTRING)) != -1)
		take_option(o, &ws, c, optarg);
	take_operands(o, argv + optind);
	if (!o->dir && (o->bridge || o->mode != MODE_SERVE))
		o->dir = STATE_DIR;
	if (o->dir && !strcmp(o->dir, "none"))
		o->dir = NULL;
	if (o->ready_fd >= 0 && !fd_set_cloexec(o->ready_fd, true))
		die_usage("-R %d: not an open descriptor", o->ready_fd);
	if (o->mode != MODE_SERVE)
		return;
	/* Of what is open besides, a tap perhaps that a script's caller has, nothing is to stay because a server runs. */
	wires_load_env(&ws);
	wires_close_others(&ws, o->ready_fd);
	if (o->bridge)
		return;
	if (o->tftp_dir)
		die_usage("-T %s: files go over an interface's address: -b is needed", o->tftp_dir);
	if (settings6_given(&o->settings.v6))
		die_usage("-O: IPv6 comes from an interface's addresses: -b is needed");
	o->wire_fd = wires_only_net(&ws);
	if (o->wire_fd < 0)
		die_usage("no -b and no net wire: nobody to serve (try --help)");
	if (!o->host.s_addr || !o->prefix_len)
		die_usage("-a: the server's address and its network are needed with a wire");
}
