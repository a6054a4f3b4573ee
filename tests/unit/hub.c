/* links: vm-bridge/hub.c vm-bridge/macs.c */
/* SPDX-License-Identifier: ISC */
/* The switch of vm-bridge: where frames go, and what is known of stations. */
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/frame.h"
#include "tests/unit/tap.h"
#include "vm-bridge/hub.h"

#define NOW 1000

static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};

static void
test_macs(void)
{
	static struct macs m;
	uint8_t a[6] = {2, 0, 0, 0, 0, 1}, b[6] = {2, 0, 0, 0, 0, 2};

	ok(macs_find(&m, a, NOW) == -1, "nobody is known at first");
	macs_learn(&m, a, 3, NOW);
	macs_learn(&m, b, 0, NOW);
	ok(macs_find(&m, a, NOW) == 3 && macs_find(&m, b, NOW) == 0, "who was heard is known");
	ok(macs_find(&m, a, NOW + MACS_AGE - 1) == 3, "for five minutes");
	ok(macs_find(&m, a, NOW + MACS_AGE) == -1, "and no longer");
	macs_learn(&m, a, 5, NOW + 1);
	ok(macs_find(&m, a, NOW + 1) == 5 && macs_count(&m, 3, NOW + 1) == 0 && macs_count(&m, 5, NOW + 1) == 1, "who moves is known there alone");
	macs_forget(&m, 5);
	ok(macs_find(&m, a, NOW + 1) == -1 && macs_find(&m, b, NOW + 1) == 0, "a port that goes takes its own with it");
	macs_learn(&m, a, 6, NOW + 1);
	ok(macs_find(&m, a, NOW + 1) == 6, "and they may come back");
}

/* Of more addresses than there is room for the latest are known, and nothing else breaks. */
static void
test_flood(void)
{
	static struct macs m = {.seed = 0x123456789abcdef};
	uint8_t addr[6] = {2};
	unsigned known = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(addr + 2, &i, 4);
		macs_learn(&m, addr, 1, NOW + i / 1000);
		known += macs_find(&m, addr, NOW + i / 1000) == 1;
	}
	ok(known == 100000, "each is known when it was just heard");
	ok(macs_count(&m, 1, NOW + 99) == (size_t)MACS_SETS * MACS_WAYS, "the table is full, and no fuller");
	known = 0;
	for (uint32_t i = 99000; i < 100000; i++) {
		memcpy(addr + 2, &i, 4);
		known += macs_find(&m, addr, NOW + 99) == 1;
	}
	ok(known > 900, "the latest %u of 1000 are known", known);
}

static struct loop loop;
static struct hub h;
static struct port *port[4];
static int peer[4];
static unsigned left;

static void
gone(struct port *p)
{
	left++;
	port[*(int *)p->arg] = NULL;
}

static void
plug(int i, int type)
{
	static int numbers[4] = {0, 1, 2, 3};
	const char *why;
	int sv[2];

	socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, sv);
	port[i] = hub_plug(&h, sv[0], "port", &why);
	port[i]->left = gone;
	port[i]->arg = &numbers[i];
	peer[i] = sv[1];
}

static void
begin(void)
{
	loop_init(&loop);
	hub_init(&h, &loop);
	for (int i = 0; i < 4; i++)
		plug(i, i < 3 ? SOCK_STREAM : SOCK_SEQPACKET);
}

static void
end(void)
{
	for (int i = 0; i < 4; i++) {
		if (port[i])
			hub_unplug(port[i]);
		close(peer[i]);
	}
	loop_done(&loop);
}

/* A frame of 60 bytes from station `from` to `to`, both one byte of an address; 255: to all. */
static void
say(int i, uint8_t from, uint8_t to)
{
	uint8_t f[4 + 60] = {0, 0, 0, 60, 2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from};

	if (to == 255)
		memcpy(f + 4, all, 6);
	if (write(peer[i], f + (i == 3 ? 4 : 0), i == 3 ? 60 : 64) < 0)
		abort();
	loop_once(&loop, 1000);
}

/* Which peers have something to read: a letter each; takes it. */
static const char *
heard(void)
{
	static char who[5];
	char buf[65536], *p = who;

	for (int i = 0; i < 4; i++)
		if (read(peer[i], buf, sizeof(buf)) > 0)
			*p++ = (char)('a' + i);
	*p = '\0';
	return who;
}

static void
test_where(void)
{
	begin();
	say(0, 10, 11);
	is(heard(), "bcd", "to one whom nobody has heard: all but the sender");
	say(1, 11, 10);
	is(heard(), "a", "to one who was heard: there");
	say(0, 10, 11);
	is(heard(), "b", "and back");
	say(0, 10, 255);
	is(heard(), "bcd", "a broadcast: all but the sender");
	say(0, 12, 10);
	is(heard(), "", "to one on the sender's own side: nobody");
	say(3, 10, 11);
	is(heard(), "b", "from a packet socket");
	say(1, 11, 10);
	is(heard(), "d", "who moved is found where he spoke last");
	say(2, 255, 255);
	heard();
	h.repeats = true;
	say(1, 11, 10);
	is(heard(), "acd", "a cable asks nobody where he is");
	end();
}

static void
test_group_source(void)
{
	uint8_t f[64] = {0, 0, 0, 60, 2, 0, 0, 0, 0, 9, 3, 0, 0, 0, 0, 9};

	begin();
	if (write(peer[0], f, 64) < 0)
		abort();
	loop_once(&loop, 1000);
	heard();
	ok(macs_count(&h.macs, port[0]->index, h.now) == 0, "nobody sends from a group's address");
	end();
}

static void
test_leaving(void)
{
	const char *why;

	begin();
	left = 0;
	say(1, 11, 255);
	heard();
	close(peer[1]);
	loop_once(&loop, 1000);
	ok(left == 1 && h.nports == 3, "a port whose peer has gone is taken out");
	say(0, 10, 11);
	is(heard(), "cd", "and its stations are forgotten");
	if (write(peer[2], "\0\0\0\1x", 5) < 0)
		abort();
	loop_once(&loop, 1000);
	ok(left == 2 && h.nports == 2, "one that breaks the framing too");
	ok(!hub_plug(&h, -1, "x", &why) && h.nports == 2, "no descriptor: %s", why);
	end();
}

/* One that takes nothing: what goes to it is lost once its queue is full, and the others have theirs. */
static void
test_deaf(void)
{
	begin();
	for (int i = 0; i < 20000; i++) {
		char buf[4096];

		say(0, 10, 255);
		for (int j = 1; j < 3; j++)
			while (read(peer[j], buf, sizeof(buf)) > 0)
				;
	}
	ok(!port[1]->cable.dropped && !port[2]->cable.dropped, "who takes his frames loses none");
	ok(port[3]->cable.dropped > 10000 && port[3]->out.frames == 20000, "who takes none loses them");
	ok(port[3]->watch.events & EPOLLOUT, "and is asked when he can take more");
	heard();
	for (int i = 0; i < 1000; i++) {
		char buf[4096];

		while (read(peer[3], buf, sizeof(buf)) > 0)
			;
		loop_once(&loop, 0);
	}
	ok(!(port[3]->watch.events & EPOLLOUT), "until he has taken all");
	say(0, 10, 255);
	is(heard(), "bcd", "then he hears again");
	end();
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_macs();
	test_flood();
	test_where();
	test_group_source();
	test_leaving();
	test_deaf();
	return tap_done();
}
