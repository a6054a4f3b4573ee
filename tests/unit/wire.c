/* SPDX-License-Identifier: ISC */
/* The grammar of wires, every rule of vm-wires(7) with a word that keeps it and one that breaks it. */
#include <stdlib.h>

#include "common/wire.h"
#include "tests/unit/tap.h"

static struct wire w; /* static: too large for a habit of stacks */

static const char *
parse(const char *word)
{
	const char *why;

	return wire_parse(&w, word, strlen(word), &why) ? NULL : why;
}

static void
test_good(void)
{
	is(parse("net,fd=12,mac=52:54:00:12:34:56,id=lan,xhint=1"), NULL, "a wire with keys");
	ok(w.kind == WIRE_NET && w.nfds == 1 && w.fds[0] == 12 && w.nkeys == 2, "its kind, fd and count of keys");
	is(w.id, "lan", "its id");
	is(wire_get(&w, "mac"), "52:54:00:12:34:56", "a key");
	is(wire_get(&w, "xhint"), "1", "a key that begins with x");
	is(wire_get(&w, "mtu"), NULL, "a key that was not given");
	is(wire_get(&w, "id"), NULL, "id is no key");
	is(parse("blk,fd=10:11:12,as=qcow2,fmt=qcow2:qcow2:raw"), NULL, "a chain");
	ok(w.nfds == 3 && w.fds[0] == 10 && w.fds[1] == 11 && w.fds[2] == 12, "its descriptors in order");
	is(w.id, "", "no id given");
	is(parse("hold,fd=2147483647"), NULL, "the largest descriptor");
	is(parse("key,fd=3,as=A-Z_a.z0:9/@+%"), NULL, "every kind of character in a value");
	is(parse("net,fd=0:1:2:3:4:5:6:7:8:9:10:11:12:13:14:15"), NULL, "16 descriptors");
	for (int k = 0; k < WIRE_KINDS; k++) {
		char word[32];

		snprintf(word, sizeof(word), "%s,fd=3", wire_kind_name((enum wire_kind)k));
		ok(!parse(word) && w.kind == (enum wire_kind)k, "kind %s", wire_kind_name((enum wire_kind)k));
	}
}

static void
test_bad(void)
{
	static const struct {
		const char *word, *why;
	} cases[] = {
	    {"", "unknown kind "},
	    {"foo,fd=1", "unknown kind foo"},
	    {"Net,fd=1", "unknown kind Net"},
	    {",fd=1", "unknown kind "},
	    {"net", "no fd= after the kind"},
	    {"net,", "no fd= after the kind"},
	    {"net,mac=52:54:00:12:34:56,fd=1", "no fd= after the kind"},
	    {"net,fd", "no fd= after the kind"},
	    {"net,fd=", "fd: not a number"},
	    {"net,fd=x", "fd: not a number"},
	    {"net,fd=-1", "fd: not a number"},
	    {"net,fd=1:", "fd: not a number"},
	    {"net,fd=:1", "fd: not a number"},
	    {"net,fd=00000000001", "fd: not a number"},
	    {"net,fd=2147483648", "fd: not a number"},
	    {"net,fd=0:1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16", "fd: more than 16 numbers"},
	    {"net,fd=4,speed=9", "unknown key speed"},
	    {"net,fd=4,serial=9", "unknown key serial"},
	    {"net,fd=4,", "bad key name "},
	    {"net,fd=4,,mtu=9", "bad key name "},
	    {"net,fd=4,Mtu=9", "bad key name Mtu"},
	    {"net,fd=4,9mtu=9", "bad key name 9mtu"},
	    {"net,fd=4,m-u=9", "bad key name m-u"},
	    {"net,fd=4,mtu", "mtu: no value"},
	    {"net,fd=4,mtu=", "mtu: no value"},
	    {"net,fd=4,mtu=1=2", "mtu: = in the value"},
	    {"net,fd=4,mtu=1,mtu=1", "mtu: given twice"},
	    {"net,fd=4,id=a,id=b", "id: given twice"},
	    {"net,fd=4,fd=5", "fd: given twice"},
	    {"net,fd=4,id=", "id: no value"},
	    {"net,fd=4,id=a2345678901234567890123456789012", "id: longer than 31 characters"},
	    {"net,fd=4,xa=$HOME", "a character that no wire may hold"},
	    {"net,fd=4,xa=*", "a character that no wire may hold"},
	    {"net,fd=4 ", "a character that no wire may hold"},
	    {"net,fd=4,xa=\xc3\xa9", "a character that no wire may hold"},
	    {"hold,fd=1,xa=1,xb=1,xc=1,xd=1,xe=1,xf=1,xg=1,xh=1,xi=1,xj=1,xk=1,xl=1,xm=1", "more than 12 keys"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is(parse(cases[i].word), cases[i].why, cases[i].word);
}

static void
test_length(void)
{
	const char *why;
	char *word = malloc(WIRE_TEXT_MAX);

	memset(word, 'x', WIRE_TEXT_MAX);
	memcpy(word, "hold,fd=1,xa=", 13);
	ok(wire_parse(&w, word, WIRE_TEXT_MAX - 1, &why), "a wire of 511 characters");
	ok(!wire_parse(&w, word, WIRE_TEXT_MAX, &why), "but not of 512");
	is(why, "longer than 511 characters", "why");
	ok(!wire_parse(&w, "net,fd=3\0,mtu=9", 15, &why), "a NUL in the middle");
	free(word);
}

int
main(void)
{
	test_good();
	test_bad();
	test_length();
	return tap_done();
}
