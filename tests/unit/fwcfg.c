/* links: kvm-run/fwcfg.c kvm-run/bus.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* The firmware configuration device by its ports and by DMA, as firmware uses it and as it should not. */
#include <endian.h>
#include <stdlib.h>

#include "kvm-run/fwcfg.h"
#include "kvm-run/vm.h"
#include "tests/unit/ports.h"

#define RAM (32 << 20)
#define DESCRIPTOR 0x1000
#define PLACE 0x2000
#define READ 2
#define SKIP 4
#define SELECT 8
#define WRITE 16
#define KEY(n) ((uint32_t)(n) << 16 | SELECT)

static struct vm vm;
static struct fwcfg cfg;

/* The next n bytes at the data port, as text. */
static const char *
port_bytes(unsigned n)
{
	static char text[64];

	for (unsigned i = 0; i < n; i++)
		text[i] = (char)port_read(&vm.ports, 0x511, 1);
	text[n] = '\0';
	return text;
}

static void
select_key(uint16_t key)
{
	port_write(&vm.ports, 0x510, 2, key);
}

static void
put_descriptor(uint64_t at, uint32_t control, uint32_t len, uint64_t address)
{
	uint32_t words[2] = {htobe32(control), htobe32(len)};
	uint64_t place = htobe64(address);

	memcpy(vm.mem.base + at, words, 8);
	memcpy(vm.mem.base + at + 8, &place, 8);
}

static void
start(uint64_t at)
{
	if (at >> 32)
		port_write(&vm.ports, 0x514, 4, htobe32((uint32_t)(at >> 32)));
	port_write(&vm.ports, 0x518, 4, htobe32((uint32_t)at));
}

/* Runs one and returns its result: 0, or 1 for an error. */
static uint32_t
dma(uint32_t control, uint32_t len, uint64_t address)
{
	uint32_t result;

	put_descriptor(DESCRIPTOR, control, len, address);
	start(DESCRIPTOR);
	memcpy(&result, vm.mem.base + DESCRIPTOR, 4);
	return be32toh(result);
}

static const char *
place(void)
{
	return (const char *)vm.mem.base + PLACE;
}

static void
test_ports(void)
{
	is(port_bytes(4), "QEMU", "selected at power-on: the signature");
	is(port_bytes(1), "", "past its end: 0");
	select_key(FWCFG_SIGNATURE);
	is(port_bytes(2), "QE", "selected again it begins anew");
	select_key(FWCFG_ID);
	ok(port_bytes(4)[0] == 3, "ports and DMA are told of");
	select_key(0x7777);
	is(port_bytes(3), "", "what is not there is zeroes");
	ok(port_read(&vm.ports, 0x514, 4) == 0x554d4551 && port_read(&vm.ports, 0x518, 4) == 0x47464320, "QEMU CFG");
	ok(port_read(&vm.ports, 0x511, 2) == 0xffff && port_read(&vm.ports, 0x510, 2) == 0xffff, "no words at the data port");
	port_write(&vm.ports, 0x511, 1, 'x');
	select_key(FWCFG_SIGNATURE);
	is(port_bytes(4), "QEMU", "nothing can be written");
}

static void
test_directory(void)
{
	struct fwcfg_file file;
	uint32_t count;

	fwcfg_add_file(&cfg, "etc/one", "first", 6);
	fwcfg_add_number_file(&cfg, "etc/two", 0x12345678);
	ok(dma(KEY(FWCFG_DIRECTORY) | READ, 4, PLACE) == 0, "the directory");
	memcpy(&count, place(), 4);
	ok(be32toh(count) == 2, "two files");
	dma(READ, sizeof(file), PLACE);
	dma(READ, sizeof(file), PLACE);
	memcpy(&file, place(), sizeof(file));
	ok(be32toh(file.size) == 4 && !strcmp(file.name, "etc/two"), "the second is a number of 4 bytes: %s", file.name);
	select_key(be16toh(file.key));
	ok(port_read(&vm.ports, 0x511, 1) == 0x78 && port_read(&vm.ports, 0x511, 1) == 0x56, "little endian");
	ok(dma(KEY(FWCFG_FILE_FIRST) | READ, 6, PLACE) == 0, "the first");
	is(place(), "first", "is a text");
}

static void
test_dma(void)
{
	memset(vm.mem.base + PLACE, 'x', 16);
	ok(dma(KEY(FWCFG_SIGNATURE) | READ, 6, PLACE) == 0 && !memcmp(place(), "QEMU\0\0xx", 8), "zeroes past the end, not further");
	dma(KEY(FWCFG_SIGNATURE), 0, 0);
	ok(dma(SKIP, 2, 0) == 0 && dma(READ, 2, PLACE) == 0 && !memcmp(place(), "MU", 2), "bytes can be skipped");
	ok(dma(SKIP, UINT32_MAX, 0) == 0 && dma(SKIP, UINT32_MAX, 0) == 0 && dma(READ, 2, PLACE) == 0 && !place()[0],
	    "as many as there are numbers");
	ok(dma(KEY(FWCFG_SIGNATURE) | WRITE, 4, PLACE) == 1, "a write is an error");
	ok(dma(KEY(FWCFG_SIGNATURE) | READ, 4, RAM - 2) == 1, "and a place that is not all RAM");
	ok(dma(KEY(FWCFG_SIGNATURE) | READ, 4, UINT64_MAX - 1) == 1, "at the end of all addresses too");
	ok(dma(KEY(FWCFG_SIGNATURE) | READ, 0, UINT64_MAX) == 0, "but nothing fits anywhere");
	ok(dma(KEY(FWCFG_SIGNATURE) | READ, UINT32_MAX, 0) == 1, "and a length beyond all RAM");
	ok(dma(KEY(FWCFG_SIGNATURE) | READ, (16 << 20) + 1, 0) == 1, "and one that would hold the processor up");
	ok(dma(KEY(FWCFG_SIGNATURE) | READ, 16, DESCRIPTOR) == 0, "over its own descriptor it ends with its result");
}

static void
test_descriptors(void)
{
	uint32_t control = KEY(FWCFG_SIGNATURE) | READ;

	memset(vm.mem.base + PLACE, 'x', 4);
	put_descriptor(RAM - 16, control, 4, PLACE);
	start(RAM - 16);
	ok(!memcmp(place(), "QEMU", 4), "a descriptor may be the last bytes of RAM");
	memset(vm.mem.base + PLACE, 'x', 4);
	start(RAM - 15);
	start(UINT64_MAX - 7);
	start(1ULL << 32 | DESCRIPTOR);
	ok(place()[0] == 'x', "one that is not in RAM is nothing");
	put_descriptor(DESCRIPTOR, control, 4, PLACE);
	port_write(&vm.ports, 0x518, 2, 0);
	port_write(&vm.ports, 0x51a, 2, htobe16(DESCRIPTOR));
	ok(place()[0] == 'x', "half an address is nothing");
	start(DESCRIPTOR);
	ok(place()[0] == 'Q', "the high half is for one time");
}

int
main(void)
{
	vm.mem = (struct guest_mem){.base = calloc(1, RAM), .size = RAM, .low_size = RAM, .fd = -1};
	fwcfg_init(&cfg, &vm);
	test_ports();
	test_directory();
	test_dma();
	test_descriptors();
	port_write(&vm.ports, 0x510, 2, FWCFG_ID);
	fwcfg_reset(&cfg);
	is(port_bytes(4), "QEMU", "after a reset: the signature");
	select_key(FWCFG_DIRECTORY);
	ok(port_bytes(4)[3] == 0, "and no files");
	return tap_done();
}
