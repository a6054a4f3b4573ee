/* links: vm-tap/acl.c */
/* SPDX-License-Identifier: ISC */
/* The bridge helper's list: verdicts, faults, includes. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vm-tap/acl.h"

static struct acl acl;

/* "allow", "deny" (or nothing said), or why it cannot be understood. */
static const char *
verdict(const char *lines)
{
	char text[4096];
	size_t len = strlen(lines);

	memcpy(text, lines, len);
	acl = (struct acl){.bridge = "br0"};
	if (!acl_parse(&acl, "acl", text, len))
		return acl.why;
	return acl.allowed && !acl.denied ? "allow" : "deny";
}

static void
words(void)
{
	is(verdict(""), "deny", "nothing is allowed by itself");
	is(verdict("allow br0"), "allow", "without a newline");
	is(verdict("allow br0\n"), "allow", "with one");
	is(verdict("allow all\n"), "allow", "all");
	is(verdict("allow br\nallow br00\nallow BR0\nallow br1\n"), "deny", "a bridge is its whole name");
	is(verdict("allow br0\ndeny br0\n"), "deny", "deny wins");
	is(verdict("deny br0\nallow br0\n"), "deny", "deny wins, in front too");
	is(verdict("deny all\nallow br0\n"), "deny", "deny all wins");
	is(verdict("allow all\ndeny br1\n"), "allow", "a deny of another");
	is(verdict("# note\n\n \t\n  # note\n \tallow \t br0 \r\n"), "allow", "comments, blanks, carriage returns");
	is(verdict("allow all-but\ndeny alles\nallow br0"), "allow", "all is a whole word");
}

static void
faults(void)
{
	is(verdict("allow br0\nallow\n"), "acl: line 2: not two words", "nothing behind the verb");
	is(verdict("allow br0 br1\n"), "acl: line 1: not two words", "too much behind it");
	is(verdict("allow br0\nDeny br0\n"), "acl: line 2: neither allow, deny nor include", "a verb that is none");
	is(verdict("allow br0\ninclude more\n"), "acl: line 2: an include without its whole path", "an include of the caller's directory");
	is(verdict("include /\n"), "/: not a file", "an include of a directory");
	is(verdict("include /dev/zero\n"), "/dev/zero: not a file", "an include of a device");
	ok(!acl_parse(&acl, "acl", memcpy((char[16]){0}, "allow br0\0deny", 14), 14) && !strcmp(acl.why, "acl: not a text"),
	    "a NUL");
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static void
includes(void)
{
	char dir[] = "/tmp/acl.XXXXXX", path[64], lines[128], *big = malloc(70000);

	if (!big || !mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/more", dir);
	snprintf(lines, sizeof(lines), "allow br0\ninclude %s\n", path);
	is(verdict(lines), "allow", "an include that is not there says nothing");
	put(path, "deny br0\n");
	is(verdict(lines), "deny", "one that denies");
	put(path, "deny br0\nnonsense\n");
	is(strrchr(verdict(lines), ':'), ": not two words", "one that cannot be understood is no include that is not there");
	ok(!strncmp(acl.why, path, strlen(path)) && !strstr(acl.why, "nonsense"), "it is named, what it holds is not");
	put(path, strchr(lines, '\n') + 1);
	is(strrchr(verdict(lines), ':'), ": too many includes", "one that includes itself");
	memset(big, '\n', 65536);
	big[65536] = '\0';
	put(path, big);
	is(strrchr(verdict(lines), ':'), ": longer than 65535 bytes", "a long one");
	chmod(path, 0);
	if (!getuid() && !seteuid(65534)) {
		is(verdict(lines), "allow", "one that the caller may not read says nothing");
		ok(seteuid(0) == 0, "back");
	}
	unlink(path);
	rmdir(dir);
	free(big);
}

int
main(void)
{
	words();
	faults();
	includes();
	return tap_done();
}
