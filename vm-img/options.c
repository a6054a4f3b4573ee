/* SPDX-License-Identifier: ISC */
/* The options that subcommands share; the contracts are in options.h. */
#include <string.h>

#include "common/diag.h"
#include "vm-img/commands.h"
#include "vm-img/options.h"

void
options_init(struct options *o, const char *command)
{
	*o = (struct options){.command = command, .follow = !strcmp(diag_prog, "qemu-img")};
}

static void
take_output(struct options *o, const char *word)
{
	if (strcmp(word, "json") && strcmp(word, "human"))
		die("--output %s: human or json", word);
	o->json = *word == 'j';
}

/* What goes past the page cache in QEMU goes by way of it here; only when bytes are on stable storage is the same. */
static void
take_cache(struct options *o, const char *word)
{
	if (strcmp(word, "none") && strcmp(word, "writeback") && strcmp(word, "writethrough") && strcmp(word, "directsync") &&
	    strcmp(word, "unsafe"))
		die("-t %s: none, writeback, writethrough, directsync or unsafe", word);
	o->cache = word;
	o->unsafe = *word == 'u';
	o->sync = *word == 'd' || !strcmp(word, "writethrough");
}

static bool
take(struct options *o, int c, const char *word)
{
	struct options ignored;

	switch (c) {
	case 'f': o->format = word; return true;
	case 'O': o->target_format = word; return true;
	case 'U': o->share = true; return true;
	case 'q': o->quiet = true; return true;
	case 'p': o->progress = true; return true;
	case 't': take_cache(o, word); return true;
	case 'T': take_cache(&ignored, word); return true; /* reading is the same in all of them */
	case OPTION_OBJECT: secret_add(&o->secrets, word); return true;
	case OPTION_IMAGE_OPTS: o->image_opts = true; return true;
	case OPTION_TARGET_IMAGE_OPTS: o->target_image_opts = true; return true;
	case OPTION_OUTPUT: take_output(o, word); return true;
	case OPTION_FOLLOW: o->follow = true; return true;
	case 'o':
		if (o->nsettings == OPTIONS_SETTINGS)
			die("-o %s: given more than %d times", word, OPTIONS_SETTINGS);
		o->settings[o->nsettings++] = word;
		return true;
	default: return false;
	}
}

int
options_next(struct options *o, int argc, char **argv, const char *letters, const struct option *longs, const char *own)
{
	int c;

	opterr = 0;
	do {
		/* The word that a complaint is about: getopt has gone past it, except within a cluster of letters. */
		int at = optind;

		c = getopt_long(argc, argv, letters, longs, NULL);
		if (c == '?' && (!strcmp(argv[optind - 1], "--help") || optopt == 'h'))
			command_help(o->command);
		if (c == '?')
			die("%s: %s: no such option, or one without argument (try %s %s --help)", o->command,
			    argv[optopt && at < argc ? at : optind - 1], diag_prog, o->command);
		if (c == ':')
			die("%s: %s: an argument is missing (try %s %s --help)", o->command, argv[optind - 1], diag_prog,
			    o->command);
	} while (c != -1 && !strchr(own, c) && take(o, c, optarg));
	return c;
}

const char *
options_operand(int argc, char **argv, const char *what)
{
	if (optind >= argc)
		die("%s: no %s is named (try %s %s --help)", argv[0], what, diag_prog, argv[0]);
	if (optind + 1 < argc)
		die("%s: %s: one word too many (try %s %s --help)", argv[0], argv[optind + 1], diag_prog, argv[0]);
	return argv[optind];
}
