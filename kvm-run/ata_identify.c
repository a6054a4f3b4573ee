/* SPDX-License-Identifier: ISC */
/* What drives say of themselves: IDENTIFY DEVICE (ACS-3, 7.12.7) and IDENTIFY PACKET DEVICE (7.13.6). */
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/ahci_dev.h"

#define LBA28_MAX 0x0fffffffULL
#define HEADS 16
#define SECTORS 63
#define CYLINDERS_MAX 16383

struct words {
	uint8_t *at;
};

static void
set(struct words w, unsigned i, uint16_t v)
{
	put_le16(w.at + 2 * i, v);
}

/* Text is padded with blanks, two characters a word, the first in its upper half. */
static void
text(struct words w, unsigned i, unsigned n, const char *s)
{
	for (unsigned k = 0; k < 2 * n; k++)
		w.at[2 * i + (k ^ 1)] = *s ? (uint8_t)*s++ : ' ';
}

static void
names(struct words w, const struct ahci_port *p)
{
	text(w, 10, 10, p->serial);
	text(w, 23, 4, VERSION);
	text(w, 27, 20, p->cdrom ? "KVM-RUN CD-ROM" : "KVM-RUN DISK");
}

/* What is the same for both: DMA modes as fast as they were ever called, Serial ATA of three generations, ACS-2. */
static void
transport(struct words w)
{
	set(w, 49, 0x0f00);
	set(w, 50, 0x4000);
	set(w, 53, 0x0006); /* 64 to 70 and 88 say something */
	set(w, 63, 0x0007);
	set(w, 64, 0x0003);
	for (unsigned i = 65; i <= 68; i++)
		set(w, i, 120); /* ns a PIO or DMA cycle */
	set(w, 80, 0x03f0);
	set(w, 88, 0x203f); /* UDMA 5 is selected */
	set(w, 222, 0x101f);
}

static void
finish(struct words w)
{
	uint8_t sum = 0;

	w.at[510] = 0xa5;
	for (unsigned i = 0; i < 511; i++)
		sum += w.at[i];
	w.at[511] = (uint8_t)-sum;
}

static void
capacity(struct words w, const struct ahci_port *p)
{
	uint64_t n = p->sectors, cylinders = min_u64(n / (HEADS * SECTORS), CYLINDERS_MAX);

	set(w, 1, (uint16_t)cylinders);
	set(w, 3, HEADS);
	set(w, 6, SECTORS);
	put_le32(w.at + 2 * 60, (uint32_t)min_u64(n, LBA28_MAX));
	put_le64(w.at + 2 * 100, n);
}

/* Sizes of logical and physical sectors. */
static void
sectors(struct words w, const struct disk *d)
{
	uint16_t exp = 0;

	while (exp < 15 && d->block_size << exp < d->physical_block)
		exp++;
	set(w, 106, (uint16_t)(0x4000 | (exp ? 0x2000 | exp : 0) | (d->block_size > 512 ? 0x1000 : 0)));
	if (d->block_size > 512)
		put_le32(w.at + 2 * 117, d->block_size / 2); /* in words */
	set(w, 209, 0x4000);
}

/* Commands: supported, and enabled. */
static void
features(struct words w, const struct ahci_port *p)
{
	set(w, 82, 0x0061); /* look-ahead, write cache, SMART */
	set(w, 83, 0x7400); /* FLUSH CACHE, also EXT; 48 bits */
	set(w, 84, 0x4060); /* logs; WRITE DMA FUA EXT */
	set(w, 85, p->write_cache ? 0x0061 : 0x0041);
	set(w, 86, 0x3400);
	set(w, 87, 0x4060);
	set(w, 119, 0x4000);
	set(w, 120, 0x4000);
	if (!p->wire.disk->read_only) {
		set(w, 105, 1); /* TRIM of one sector of ranges */
		set(w, 169, 1);
	}
}

void
ata_identify(const struct ahci_port *p, uint8_t data[512])
{
	struct words w = {memset(data, 0, 512)};

	set(w, 0, 0x0040); /* fixed */
	set(w, 47, 0x8010);
	set(w, 48, 0x4000);
	set(w, 59, 0x0110); /* multiple mode: 16 sectors, on */
	set(w, 75, AHCI_SLOTS - 1);
	set(w, 76, 0x010e); /* NCQ; 1.5, 3, 6 Gb/s */
	set(w, 217, 1);	    /* nothing turns */
	names(w, p);
	transport(w);
	capacity(w, p);
	sectors(w, p->wire.disk);
	features(w, p);
	finish(w);
}

void
atapi_identify(const struct ahci_port *p, uint8_t data[512])
{
	struct words w = {memset(data, 0, 512)};

	set(w, 0, 0x85c0); /* CD-ROM, removable, answers in 50 us, packets of 12 bytes */
	set(w, 76, 0x000e);
	set(w, 82, 0x0210); /* PACKET, DEVICE RESET */
	set(w, 83, 0x4000);
	set(w, 84, 0x4000);
	set(w, 85, 0x0210);
	set(w, 87, 0x4000);
	names(w, p);
	transport(w);
	finish(w);
}
