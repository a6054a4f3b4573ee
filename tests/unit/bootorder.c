/* links: kvm-run/bootorder.c */
/* SPDX-License-Identifier: ISC */
/* -B: its words, and the list that firmware gets of them. */
#include "kvm-run/vm.h"
#include "tests/unit/tap.h"

static struct vm vm;

static void
add_device(const char *wire, const char *path)
{
	struct vm_device *d = &vm.devices[vm.ndevices++];

	wires_add(&vm.wires, wire, strlen(wire));
	*d = (struct vm_device){0};
	strcpy(d->id, vm.wires.v[vm.wires.n - 1].id);
	strcpy(d->boot_path, path);
}

/* Parses the words anew; NULL or the fault. */
static const char *
parse(const char *words)
{
	static char why[128];

	vm.opt.boot = BOOT_OPTIONS_NONE;
	return bootorder_parse(&vm.opt.boot, words, why, sizeof(why));
}

/* The list, with blanks for its line ends. */
static const char *
list(const char *words, bool first)
{
	static char text[256];
	const char *why = parse(words);
	size_t size;

	if (why)
		return why;
	size = bootorder_write(&vm, first, text, sizeof(text));
	if (!size || size != strlen(text) + 1)
		return "wrong size";
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return text;
}

static void
test_faults(void)
{
	is(parse("disk,"), ": no device's name", "no empty word");
	is(parse("menu=x"), "menu: not a number of seconds up to 3600", "seconds are a number");
	is(parse("fail=3601"), "fail: not a number of seconds up to 3600", "an hour at most");
	is(parse("serial=yes"), "yes: not on or off", "on or off");
	is(parse("twice=net"), "twice: not once, menu, fail or serial", "keys are known");
	is(parse("once="), ": no device's name", "once needs a device");
	is(parse("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,b"), "b: one device too many", "so many and no more");
	is(parse("123456789012345678901234567890123"), "123456789012345678901234567890123: no device's name", "no longer than an id");
}

static void
test_settings(void)
{
	const struct boot_options *b = &vm.opt.boot;

	is(parse("menu=0,fail=7,serial=off"), NULL, "settings alone");
	ok(b->given && b->menu_ms == 0 && b->fail_ms == 7000 && b->serial == BOOT_SERIAL_OFF && !b->order.n, "are understood");
	is(parse("net"), NULL, "devices alone");
	ok(b->menu_ms == BOOT_UNSET && b->fail_ms == BOOT_UNSET && b->serial == BOOT_SERIAL_AUTO, "leave settings alone");
}

static void
test_lists(void)
{
	is(list("menu=1", true), "d0 d1 c n0 n1", "disks, CD drives, networks");
	is(list("net", true), "n0 n1 d0 d1 c", "what is named comes first, then the rest");
	is(list("net,only", true), "n0 n1 HALT", "or nothing else");
	is(list("second,cdrom,disk", true), "d1 c d0 n0 n1", "ids and kinds, each device once");
	is(list("disk,once=net:cdrom", true), "n0 n1 c d0 d1", "once");
	is(list("disk,once=net:cdrom", false), "d0 d1 c n0 n1", "and not a second time");
	is(list("con1", true), "d0 d1 c n0 n1", "nothing boots from a console");
}

static unsigned
faults(const char *words)
{
	parse(words);
	vm.wires.faults = 0;
	bootorder_check(&vm.opt.boot, &vm.wires);
	return vm.wires.faults;
}

int
main(void)
{
	char small[8];

	add_device("net,fd=10", "n0");
	add_device("blk,fd=11", "d0");
	add_device("blk,fd=12,media=cdrom", "c");
	add_device("blk,fd=13,id=second", "d1");
	add_device("con,fd=14,id=con1", "");
	add_device("net,fd=15", "n1");
	test_faults();
	test_settings();
	test_lists();
	ok(faults("disk,cdrom,net,second,net1,once=blk0") == 0, "all of these are there");
	ok(faults("floppy,con1,once=blk7") == 3, "none of these can be booted from");
	parse("net");
	ok(bootorder_write(&vm, true, small, sizeof(small)) == 0, "a list that does not fit");
	return tap_done();
}
