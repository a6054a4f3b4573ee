/* SPDX-License-Identifier: ISC */
/* links: tests/display/wire.c tests/display/see.c tests/display/act.c */
/*
 * fb-screen [-i] [-m MODEL] [-o FILE] [-t SECONDS] SCRIPT PROG [ARG ...]: a display without eyes. Runs PROG with an fb wire to
 * it, and the commands of the file SCRIPT, a line each; what they print goes to FILE or to the output. Then waits for PROG, and
 * ends as it did; with 1, and PROG killed, when something is not seen within SECONDS (60). With -i PROG's input comes from
 * here, too.
 *
 *	wait TEXT         until the text screen has TEXT, in UTF-8; gone TEXT: until it has not
 *	size W H          until the picture is of that size
 *	cells C R         until there is text of that many columns and rows
 *	pixel X Y RGB     until the pixel is of that colour (hexadecimal)
 *	state LEDS ABS    until the machine has said so
 *	cursor            until there is a pointer of the guest's, and prints it
 *	text              prints the text screen, and where its cursor is
 *	mode              prints the picture's form
 *	ppm FILE          writes the picture, as it is now, as a PPM
 *	changes           asks, and prints the rectangles that have changed since the last answer
 *	still MS          nothing may change so long
 *	key CODE ...      presses those keys (hexadecimal) in this order, and lets them go
 *	type TEXT         types on a US keyboard; \n is Enter
 *	pointer X Y B     puts the pointer, 0 to 32767, buttons B down; move X Y B: moves it; wheel N
 *	resize W H        would like that size; clip TEXT: was copied here
 *	clipboard         until a text has come from the guest, and prints it
 *	send HEX          these bytes, as they are; hangup: closes the wire; closed: until the machine does
 *	input TEXT        to PROG's input, without a newline
 *	watch             asks, and takes what comes, until the machine closes the wire
 *	run COMMAND       the shell's; its output is ours
 *	say TEXT          prints it; kill: kills PROG; term: asks it to end
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/wire.h"
#include "tests/display/display.h"

#define WORDS_MAX 32

static const struct command *
find(const char *name)
{
	static const struct command *const lists[] = {display_seeing, display_doing};

	for (size_t i = 0; i < 2; i++)
		for (const struct command *c = lists[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	display_fail("no such command:", name);
}

static void
run(char *line)
{
	char whole[1024], *word[WORDS_MAX + 1] = {NULL}, *name, *rest;
	const struct command *c;
	int n = 0;

	line[strcspn(line, "\n")] = 0;
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return;
	snprintf(whole, sizeof(whole), "%s", line);
	name = strsep(&line, " ");
	c = find(name);
	if (c->words == -2)
		word[n++] = line ? line : name + strlen(name);
	else
		while (n < WORDS_MAX && (rest = strsep(&line, " ")))
			word[n++] = rest;
	if (c->words >= 0 && n != c->words)
		display_fail("wrong number of words:", whole);
	if (c->wait)
		display_await(c->wait, word, whole);
	if (c->run)
		c->run(word);
	fflush(display.out);
}

static void
start(const char *model, bool with_input, char **argv)
{
	char word[64];
	int pair[2], in_pipe[2] = {-1, -1};

	if (with_input && pipe2(in_pipe, O_CLOEXEC) < 0)
		die_sys("pipe");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die_sys("socketpair");
	display.wire = pair[0];
	pair[1] = fd_move_high(pair[1]);
	snprintf(word, sizeof(word), "fb,fd=%d%s%s", pair[1], model ? ",model=" : "", model ? model : "");
	display.child = fork();
	if (display.child < 0)
		die_sys("fork");
	if (!display.child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left of a test that is over its time */
		if (with_input)
			dup2(in_pipe[0], 0);
		wire_export(word);
		wire_exec(argv);
	}
	close(pair[1]);
	close(in_pipe[0]);
	display.input = in_pipe[1];
}

int
main(int argc, char **argv)
{
	const char *model = NULL;
	char line[1024];
	FILE *script;
	bool with_input = false;
	int opt, status;

	display.out = stdout;
	diag_init(argv[0], 125);
	while ((opt = getopt(argc, argv, "+im:o:t:")) != -1)
		if (opt == 'i')
			with_input = true;
		else if (opt == 'm')
			model = optarg;
		else if (opt == 'o')
			display.out = fopen(optarg, "we");
		else if (opt == 't')
			display.patience = (int64_t)num_opt('t', optarg, 1, 3600) * 1000;
		else
			die_usage("usage: fb-screen [-i] [-m MODEL] [-o FILE] [-t SECONDS] SCRIPT PROG [ARG ...]");
	if (argc - optind < 2)
		die_usage("usage: fb-screen [-i] [-m MODEL] [-o FILE] [-t SECONDS] SCRIPT PROG [ARG ...]");
	script = fopen(argv[optind], "re");
	if (!script || !display.out)
		die_sys("%s", argv[optind]);
	start(model, with_input, argv + optind + 1);
	while (fgets(line, sizeof(line), script))
		run(line);
	if (display.wire >= 0)
		close(display.wire);
	if (display.input >= 0)
		close(display.input);
	if (waitpid(display.child, &status, 0) < 0)
		die_sys("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
