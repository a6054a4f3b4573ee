/* SPDX-License-Identifier: ISC */
/* The options that subcommands share, qemu-img's. */
#ifndef VM_IMG_OPTIONS_H
#define VM_IMG_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm-img/secret.h"

#define OPTIONS_SETTINGS 32 /* of -o; each may hold many */

struct options {
	const char *command;
	const char *format;	   /* -f: what the input is said to be, or NULL */
	const char *target_format; /* -O, or NULL */
	const char *settings[OPTIONS_SETTINGS]; /* -o, each as it was given */
	size_t nsettings;
	bool share;    /* -U, --force-share: without locks, reading only */
	bool quiet;    /* -q */
	bool progress; /* -p */
	bool json;     /* --output=json */
	bool follow;   /* --follow, and always as qemu-img: a probed image's names are followed */
	bool image_opts, target_image_opts;
	const char *cache; /* -t as it was given, or NULL */
	bool unsafe;   /* -t unsafe: nothing is flushed */
	bool sync;     /* -t writethrough, directsync: each write is */
	struct secrets secrets; /* --object */
};

/* Long options, for a subcommand's table; those that are not here have values from OPTION_OWN on, or a letter. None is a
 * NUL as a char: strchr would find it in any list of letters. */
enum { OPTION_OBJECT = 257, OPTION_IMAGE_OPTS, OPTION_TARGET_IMAGE_OPTS, OPTION_OUTPUT, OPTION_FOLLOW, OPTION_OWN };
#define LONG_OBJECT {"object", required_argument, NULL, OPTION_OBJECT}
#define LONG_IMAGE_OPTS {"image-opts", no_argument, NULL, OPTION_IMAGE_OPTS}
#define LONG_TARGET_IMAGE_OPTS {"target-image-opts", no_argument, NULL, OPTION_TARGET_IMAGE_OPTS}
#define LONG_OUTPUT {"output", required_argument, NULL, OPTION_OUTPUT}
#define LONG_FOLLOW {"follow", no_argument, NULL, OPTION_FOLLOW}
#define LONG_SHARE {"force-share", no_argument, NULL, 'U'}
#define LONG_END {NULL, 0, NULL, 0}

void options_init(struct options *o, const char *command);

/*
 * getopt_long with `letters` (which begin with ":", or "+:") and `longs`, either with only what the subcommand has. Takes
 * -f -O -U -q -p -t -T -o and the long options above by itself, and returns the next of the subcommand's own, or -1. Dies on
 * what is wrong. A subcommand for which -o or -p or another letter has a meaning of its own lists it in `own`.
 */
int options_next(struct options *o, int argc, char **argv, const char *letters, const struct option *longs, const char *own);

/* The one operand that is expected, called `what`; dies when there is none, or more. */
const char *options_operand(int argc, char **argv, const char *what);

#endif
