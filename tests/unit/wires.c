/* SPDX-License-Identifier: ISC */
/* The wires of a machine: names, clashes, hot-plug. What is printed is tested through kvm-run -n, in wire.bats. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/wire.h"
#include "tests/unit/tap.h"

static struct wires ws;

static unsigned
add(const char *text)
{
	memset(&ws, 0, sizeof(ws));
	wires_add(&ws, text, strlen(text));
	return ws.faults;
}

static void
test_names(void)
{
	ok(add(" net,fd=3\tnet,fd=4,id=lan\n\n# net,fd=9\nblk,fd=5 net,fd=6#\n") == 1, "a # inside a word is a fault");
	ok(!add(" net,fd=3\tnet,fd=4,id=lan\n\n# net,fd=9\nblk,fd=5 net,fd=6 # end"), "blanks and comments");
	ok(ws.n == 4, "four wires");
	is(ws.v[0].id, "net0", "the first of its kind");
	is(ws.v[1].id, "lan", "one with an id");
	is(ws.v[2].id, "blk0", "the first of another kind");
	is(ws.v[3].id, "net2", "an id of its own still counts");
	ok(wires_find(&ws, "lan") == &ws.v[1] && !wires_find(&ws, "net1"), "found by id");
}

static void
test_many(void)
{
	char text[WIRES_MAX * 16] = "";

	for (int i = 0; i < WIRES_MAX; i++)
		sprintf(text + strlen(text), "hold,fd=%d ", i + 3);
	ok(!add(text) && ws.n == WIRES_MAX, "64 wires");
	strcat(text, "hold,fd=1 hold,fd=2");
	ok(add(text) == 1 && ws.n == WIRES_MAX, "a 65th is one fault");
}

static void
test_env(void)
{
	char *text = malloc(WIRES_TEXT_MAX + 1);

	memset(&ws, 0, sizeof(ws));
	setenv("VM_WIRES", "net,fd=3", 1);
	wires_load_env(&ws);
	ok(ws.n == 1 && !getenv("VM_WIRES"), "read and unset");
	wires_load_env(&ws);
	ok(ws.n == 1 && !ws.faults, "nothing to read is no fault");
	memset(text, ' ', WIRES_TEXT_MAX);
	text[WIRES_TEXT_MAX] = '\0';
	setenv("VM_WIRES", text, 1);
	wires_load_env(&ws);
	ok(ws.faults == 1 && !getenv("VM_WIRES"), "4096 characters are too many");
	setenv("VM_WIRES", text + 1, 1);
	wires_load_env(&ws);
	ok(ws.faults == 1, "4095 are not");
	free(text);
}

static void
test_export(void)
{
	int fds[8];

	unsetenv("VM_WIRES");
	wire_export("net,fd=3");
	wire_export("blk,fd=4");
	is(getenv("VM_WIRES"), "net,fd=3 blk,fd=4", "words are appended");
	wire_export("hold,fd=11:12");
	ok(wire_held(fds, 8) == 2 && fds[0] == 11 && fds[1] == 12, "what is held");
	ok(wire_held(fds, 1) == 1, "as much of it as there is room for");
	unsetenv("VM_WIRES");
	ok(wire_held(fds, 8) == 0, "nothing");
}

static const char *
plug(const char *word, const int *fds, size_t n)
{
	const char *why = NULL;

	return wires_plug(&ws, word, strlen(word), fds, n, &why) ? NULL : why;
}

static void
test_plug(void)
{
	int fds[2] = {open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY)};
	char why[80];
	struct wire_faults f = {.why = why, .size = sizeof(why)};

	add("net,fd=0 hold,fd=1 net,fd=2");
	is(plug("blk,fd=1:0", fds, 2), NULL, "a wire by indexes");
	ok(ws.n == 4 && ws.v[3].fds[0] == fds[1] && ws.v[3].fds[1] == fds[0], "its descriptors");
	is(ws.v[3].id, "blk0", "its id");
	is(plug("net,fd=2", fds, 2), "fd 2: only 2 descriptors came", "an index beyond the array");
	is(plug("net,fd=0", fds, 2), "a descriptor came that it does not name", "a descriptor too many");
	is(plug("net,fd=0", fds, 0), "fd 0: only 0 descriptors came", "none came");
	is(plug("net,fd=0,id=blk0", fds, 1), "id: already there", "an id that is taken");
	is(plug("net,fd=0,zzz=1", fds, 1), "unknown key zzz", "a faulty word");
	ok(ws.n == 4, "refused wires leave nothing");
	wires_unplug(&ws, &ws.v[0]);
	ok(ws.n == 4 && !wires_find(&ws, "net0"), "a wire taken out leaves a hole");
	is(plug("net,fd=0,id=new", fds, 1), NULL, "the hole is used again");
	ok(ws.n == 4 && wires_find(&ws, "new") == &ws.v[0], "in its place");
	wires_unplug(&ws, &ws.v[3]);
	ok(ws.n == 3, "the last one shortens the set");
	is(plug("hold,fd=0:0", fds + 1, 1), NULL, "an index twice is seen later");
	wires_check_one(&ws, &ws.v[3], &f);
	ok(f.n == 1, "by the check");
	ok(strstr(why, ": given twice") != NULL, "which gives the reason: %s", why);
	close(fds[0]);
	close(fds[1]);
}

int
main(int argc, char **argv)
{
	(void)argc;
	diag_init(argv[0], 1);
	test_names();
	test_many();
	test_env();
	test_export();
	test_plug();
	return tap_done();
}
