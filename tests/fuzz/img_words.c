/* SPDX-License-Identifier: ISC */
/* links: vm-img/settings.c vm-img/opening.c vm-img/words.c vm-img/size.c vm-img/open_nbd.c */
/* Any text as the lists of vm-img's -o and --image-opts, a size, and an NBD URI: taken, or refused by the end of the program. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/nbd.h"
#include "vm-img/chain.h"
#include "vm-img/keep.h"
#include "vm-img/open_nbd.h"
#include "vm-img/settings.h"
#include "vm-img/size.h"

#define KEPT_MAX 4096 /* allocations of one run */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *diag_prog = "vm-img";
int diag_verbose, diag_exit;
static jmp_buf back;
static void *kept[KEPT_MAX];
static size_t nkept;

/* The program's end is that of a run. */
void
die(const char *fmt, ...)
{
	(void)fmt;
	longjmp(back, 1);
}

void
die_sys(const char *fmt, ...)
{
	(void)fmt;
	longjmp(back, 1);
}

void
die_usage(const char *fmt, ...)
{
	(void)fmt;
	longjmp(back, 1);
}

void
error(const char *fmt, ...)
{
	(void)fmt;
}

void
warn(const char *fmt, ...)
{
	(void)fmt;
}

void
flush_stdout(void)
{
	abort(); /* help was not asked for */
}

void *
keep(size_t n)
{
	if (nkept == KEPT_MAX)
		abort();
	kept[nkept] = calloc(1, n);
	return kept[nkept++];
}

char *
keep_string(const char *s)
{
	return strcpy(keep(strlen(s) + 1), s);
}

const struct secret *
secret_find(const struct secrets *all, const char *id)
{
	static uint8_t x = 'x';
	static const struct secret found = {.id = "s", .bytes = &x, .len = 1};

	(void)all;
	if (strcmp(id, "s"))
		die("no such secret");
	return &found;
}

/* Every path is listened at. */
int
connect(int fd, const struct sockaddr *to, socklen_t len)
{
	(void)fd, (void)to, (void)len;
	return 0;
}

static void
free_kept(void)
{
	while (nkept)
		free(kept[--nkept]);
}

static void
settings(const char *text)
{
	static const struct image_option table[] = {{"cluster_size", OPTION_SIZE, "", false}, {"a", OPTION_STRING, "", false},
	    {"refcount_bits", OPTION_NUMBER, "", false}, {"lazy", OPTION_BOOL, "", true}, {NULL, OPTION_STRING, NULL, false}};
	static struct options o;
	static struct settings s;

	o.settings[0] = o.settings[1] = text;
	o.nsettings = 2;
	if (!strstr(text, "help") && !strchr(text, '?') && !setjmp(back)) {
		settings_parse(&s, &o, table, "", "file");
		for (size_t i = 0; i < s.n; i++)
			if (!s.list[i].text || settings_text(&s, s.list[i].option->name) != s.list[i].text)
				abort();
	}
	free_kept();
}

static void
image_opts(const char *text)
{
	static struct options o = {.image_opts = true};
	struct opening how;

	if (!setjmp(back)) {
		opening_init(&how, &o, text, NULL, 0);
		if (!how.path || strlen(how.path) > strlen(text))
			abort();
	}
	free_kept();
}

static void
uri(const char *text)
{
	static char keys[3 * NBD_NAME_MAX + 64];

	if (setjmp(back))
		return;
	close(open_nbd(text, keys, sizeof(keys)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), shown[32];
	uint64_t n;

	memcpy(text, data, size);
	text[size] = '\0';
	settings(text);
	image_opts(text);
	uri(text);
	if (image_size_parse(text, &n))
		image_size_text(n, shown);
	free(text);
	return 0;
}
