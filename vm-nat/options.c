/* SPDX-License-Identifier: ISC */
/* The command line; the contracts are in options.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/iface.h"
#include "common/util.h"
#include "vm-nat/options.h"

static const char usage[] =
    "usage: vm-nat [options] program [argument ...]\n"
    "       vm-nat add [options]\n"
    "       vm-nat del [-n] [-b bridge | -a address/length]\n"
    "       vm-nat list [-j]\n"
    "       vm-nat show [-j] [-b bridge | -a address/length]\n"
    "guests:  [-46xz] [-a address/length] [-b bridge]\n"
    "out:     [-o address] [-V interface]\n"
    "in:      [-p [udp:][address:]ports:address[:ports]]\n"
    "process: [-fnqv] [-U user]\n";

#define OPTSTRING "+:46a:b:fjno:p:qU:vV:xz"

static const char *
interface_opt(char letter, const char *word)
{
	const char *why = iface_name_fault(word);

	/* nft has no way to say such a name, and what it cannot say it could not list. */
	if (!why && strpbrk(word, "\"\\*"))
		why = "nft knows no name with \", \\ or *";
	if (why)
		die_usage("-%c %s: %s", letter, word, why);
	return word;
}

/* An address and a length that leaves room for guests. */
static void
add_net(struct network *n, const char *word)
{
	struct prefix p;

	if (!strchr(word, '/') || !prefix_parse(&p, word))
		die_usage("-a %s: not ADDRESS/LENGTH", word);
	if (p.len < 4 || p.len >= prefix_bits(&p))
		die_usage("-a %s: not a length from 4 to %u", word, prefix_bits(&p) - 1);
	if (!network_add(n, p))
		die_usage("-a %s: more than %d networks", word, NETS_MAX);
}

static void
set_from(struct network *n, const char *word)
{
	struct prefix p, *slot;

	if (strchr(word, '/') || !prefix_parse(&p, word))
		die_usage("-o %s: not an address", word);
	slot = p.family == AF_INET6 ? &n->from6 : &n->from4;
	if (slot->family)
		die_usage("-o %s: given twice", word);
	*slot = p;
}

static void
add_forward(struct network *n, const char *word)
{
	const char *why;

	if (n->nforwards == FORWARDS_MAX)
		die_usage("-p %s: more than %d forwards", word, FORWARDS_MAX);
	if (!forward_parse(&n->forwards[n->nforwards], word, &why))
		die_usage("-p %s: %s", word, why);
	n->words[n->nforwards++] = word;
}

static void
take_option(struct options *o, int c, const char *word)
{
	struct network *n = &o->net;

	switch (c) {
	case '4': n->no6 = true; break;
	case '6': n->no4 = true; break;
	case 'a': add_net(n, word); break;
	case 'b': n->bridge = interface_opt('b', word); break;
	case 'f': o->fix = true; break;
	case 'z': n->separate = true; break;
	case 'j': o->json = true; break;
	case 'n': o->check = true; break;
	case 'o': set_from(n, word); break;
	case 'p': add_forward(n, word); break;
	case 'q': diag_verbose = -1; break;
	case 'U': o->user = word; break;
	case 'V': n->via = interface_opt('V', word); break;
	case 'v': diag_verbose++; break;
	case 'x': n->restricted = true; break;
	case ':': die_usage("-%c: an argument is missing", optopt);
	default: die_usage("-%c: no such option (try --help)", optopt);
	}
}

static enum verb
take_verb(const char *word)
{
	static const char *const verbs[] = {
		[VERB_ADD] = "add",
		[VERB_DEL] = "del",
		[VERB_LIST] = "list",
		[VERB_SHOW] = "show",
	};

	for (size_t i = VERB_ADD; word && i < ARRAY_LEN(verbs); i++)
		if (!strcmp(word, verbs[i]))
			return (enum verb)i;
	return VERB_LOAD;
}

/* The options that a verb has no use for: they would be ignored, and the user would not know. */
static void
check_letters(const struct options *o, const char *given)
{
	static const char *const allowed[] = {
		[VERB_LOAD] = "46abfnopqUVvxz",
		[VERB_ADD] = "46abfnopqVvxz",
		[VERB_DEL] = "abnqv",
		[VERB_LIST] = "jqv",
		[VERB_SHOW] = "abjqv",
	};

	for (; *given; given++)
		if (!strchr(allowed[o->verb], *given))
			die_usage("-%c: of no use here (try --help)", *given);
}

void
options_parse(struct options *o, int argc, char **argv)
{
	char given[128] = "";
	size_t n = 0;
	int c;

	diag_long_options(argc, argv, usage);
	o->verb = take_verb(argc > 1 ? argv[1] : NULL);
	if (o->verb != VERB_LOAD)
		argc--, argv++;
	while ((c = getopt(argc, argv, OPTSTRING)) != -1) {
		take_option(o, c, optarg);
		if (!strchr(given, c) && n < sizeof(given) - 1)
			given[n++] = (char)c;
	}
	check_letters(o, given);
	o->program = argv + optind;
	if (o->verb == VERB_LOAD && !*o->program)
		die_usage("no verb and no program (try --help)");
	if (o->verb != VERB_LOAD && *o->program)
		die_usage("%s: one word too many (try --help)", *o->program);
	if (o->net.no4 && o->net.no6)
		die_usage("-4 and -6: one of them alone");
	if (o->verb != VERB_LIST && !o->net.bridge && !o->net.nnets)
		die_usage("whose network? give -b or -a (try --help)");
	if (o->verb == VERB_LOAD)
		diag_exit = 125;
}
