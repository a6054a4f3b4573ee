/* SPDX-License-Identifier: ISC */
/*
 * An AHCI controller with a disk on port 0 and a CD-ROM drive on port 1, without a machine: guest memory, the disk of
 * disk_rig.h for both, stand-ins for bus and I/O threads. For the unit test and the fuzz target.
 */
#ifndef TESTS_UNIT_AHCI_RIG_H
#define TESTS_UNIT_AHCI_RIG_H

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/bytes.h"
#include "kvm-run/ahci_new.h"
#include "kvm-run/vm.h"
#include "tests/unit/disk_rig.h"
#include "tests/unit/pci_stub.h"
#include "tests/unit/thread_stub.h"

#define RIG_RAM (1 << 20)
#define RIG_LIST 0x10000  /* command lists, 0x1000 apart */
#define RIG_FIS 0x20000	  /* received FISes, likewise */
#define RIG_TABLE 0x30000 /* command tables of port 0, then of port 1, 0x8000 a port, 0x400 a slot */
#define RIG_DATA 0x80000

static uint8_t rig_ram[RIG_RAM] __attribute__((aligned(4096)));
static struct vm rig_vm;
static struct ahci *rig_hba;
static struct disk rig_cd;
static unsigned rig_interrupts;
static bool rig_level;

/* Stand-ins. */
int
pci_add_msi(struct pci_dev *d)
{
	(void)d;
	return 0;
}

void
pci_irq(struct pci_dev *d, bool level)
{
	(void)d;
	rig_level = level;
	rig_interrupts += level;
}

void
blk_complain(const char *id, uint64_t *warned, const struct disk_req *io, int err)
{
	(void)id, (void)warned, (void)io, (void)err;
}

static uint32_t
rig_read(unsigned off)
{
	uint32_t v = 0xffffffff;

	rig_hba->pci.ops->bar_access(&rig_hba->pci, 5, off, &v, 4, false);
	return v;
}

/* A write, and what the I/O threads do because of it. */
static void
rig_write(unsigned off, uint32_t v)
{
	rig_hba->pci.ops->bar_access(&rig_hba->pci, 5, off, &v, 4, true);
	for (unsigned i = 0; i < rig_hba->nports; i++) {
		struct ahci_port *p = rig_hba->ports[i];
		eventfd_t n;

		while (eventfd_read(p->kick_fd, &n) == 0)
			ahci_port_kick(&p->kick, EPOLLIN);
	}
}

static void
rig_add_port(struct disk *d, bool cdrom)
{
	struct ahci_port *p = calloc(1, sizeof(*p));

	p->hba = rig_hba;
	p->index = rig_hba->nports;
	p->cmds = calloc(AHCI_SLOTS, sizeof(*p->cmds));
	p->kick_fd = eventfd(0, EFD_NONBLOCK);
	pthread_mutex_init(&p->lock, NULL);
	p->cdrom = cdrom;
	strcpy(p->serial, "serial");
	p->wire = (struct blk_wire){.disk = d, .writeback = true};
	p->sectors = cdrom ? 0 : RIG_DISK / d->block_size;
	p->cd.blocks = cdrom ? RIG_DISK / 2048 : 0;
	d->user = p;
	for (unsigned i = 0; i < AHCI_SLOTS; i++) {
		p->cmds[i].port = p;
		p->cmds[i].slot = (uint8_t)i;
	}
	rig_hba->ports[rig_hba->nports++] = p;
	ahci_port_reset(p);
}

static void
rig_make(void)
{
	rig_vm.mem = (struct guest_mem){.base = rig_ram, .size = RIG_RAM, .low_size = RIG_RAM, .fd = -1};
	rig_disk = (struct disk){.ops = &rig_ops, .size = RIG_DISK, .block_size = 512, .physical_block = 4096};
	rig_cd = (struct disk){.ops = &rig_ops, .size = RIG_DISK, .block_size = 512, .physical_block = 512, .read_only = true};
	rig_hba = ahci_new(&rig_vm);
	rig_add_port(&rig_disk, false);
	rig_add_port(&rig_cd, true);
}

/* Both ports as a driver has them, with interrupts on. */
static void
rig_start(void)
{
	rig_write(0x04, 1); /* reset */
	memset(rig_ram, 0, sizeof(rig_ram));
	rig_log[0] = '\0';
	rig_write(0x04, 2);
	for (unsigned i = 0; i < 2; i++) {
		unsigned at = 0x100 + 0x80 * i;

		rig_write(at + 0x00, RIG_LIST + 0x1000 * i);
		rig_write(at + 0x08, RIG_FIS + 0x1000 * i);
		rig_write(at + 0x14, 0xffffffff);
		rig_write(at + 0x18, 0x10); /* receive FISes */
		rig_write(at + 0x18, 0x11); /* run */
		rig_write(at + 0x10, 0xffffffff);
	}
	rig_write(0x08, 3);
	rig_interrupts = 0;
}

#endif
