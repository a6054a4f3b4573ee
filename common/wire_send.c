/* SPDX-License-Identifier: ISC */
/* The producer's side of wires: hand one on, run the next program; the contracts are in wire.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/wire.h"

#define WIRE_BLANKS " \t\n"

/* What we make ourselves still holds words of the user's (an id, a mac): no consumer should be the first to notice. */
static void
check_word(const char *word)
{
	struct wire w;
	const char *why;

	if (!wire_parse(&w, word, strlen(word), &why))
		die("wire '%s': %s", word, why);
}

void
wire_export(const char *word)
{
	const char *old = getenv("VM_WIRES");
	char text[WIRES_TEXT_MAX];
	int len;

	check_word(word);
	len = snprintf(text, sizeof(text), "%s%s%s", old ? old : "", old && *old ? " " : "", word);
	if (len < 0 || (size_t)len >= sizeof(text))
		die("VM_WIRES: longer than %d characters", WIRES_TEXT_MAX - 1);
	if (setenv("VM_WIRES", text, 1) < 0)
		die_sys("VM_WIRES");
}

size_t
wire_held(int *fds, size_t max)
{
	const char *at = getenv("VM_WIRES"), *why;
	size_t n = 0;
	struct wire w;

	for (; at && *(at += strspn(at, WIRE_BLANKS)); at += strcspn(at, WIRE_BLANKS))
		if (wire_parse(&w, at, strcspn(at, WIRE_BLANKS), &why) && w.kind == WIRE_HOLD)
			for (size_t i = 0; i < w.nfds && n < max; i++)
				fds[n++] = w.fds[i];
	return n;
}

/* One line of the answer, without its newline; false at the end of the conversation. */
static bool
read_line(FILE *f, char *line, size_t size)
{
	if (!fgets(line, (int)size, f))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

int
wire_send(const char *path, const char *word, const int *fds, size_t n)
{
	char line[WIRE_TEXT_MAX + sizeof("wire \n")];
	int sock, len;
	FILE *f;

	check_word(word);
	len = snprintf(line, sizeof(line), "wire %s\n", word);
	sock = fd_connect_unix(path);
	if (sock < 0 || fd_send(sock, line, (size_t)len, fds, n) != len)
		die_sys("%s", path);
	f = fdopen(sock, "r");
	if (!f)
		die_sys("%s", path);
	while (read_line(f, line, sizeof(line))) {
		bool no = !strncmp(line, "no ", 3);

		if (!no && strncmp(line, "ok", 2))
			continue;
		if (no)
			error("%s: %s", path, line + 3);
		else
			note(1, "%s: %s", path, line);
		fclose(f);
		return no;
	}
	die("%s: no answer", path);
}

void
wire_exec(char **argv)
{
	int err;

	execvp(argv[0], argv);
	err = errno;
	error("%s: %s", argv[0], strerror(err));
	exit(err == ENOENT ? 127 : 126);
}
