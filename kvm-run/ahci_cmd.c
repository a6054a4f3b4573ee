/* SPDX-License-Identifier: ISC */
/*
 * Command lists in guest memory (AHCI 1.3.1, 4.2.2), from a slot's start to its end. Everything there is copied out once and
 * then checked. On the port's I/O thread.
 */
#include <string.h>
#include <sys/eventfd.h>

#include "common/bytes.h"
#include "kvm-run/ahci_dev.h"
#include "kvm-run/vm.h"

/* Command header, 4.2.2 */
#define HEADER 32
#define HEADER_FIS_DWORDS 0x1f
#define TABLE_CDB 0x40
#define TABLE_PRDT 0x80
#define PRD 16
#define PRD_BYTES 0x3fffffU

/* The FIS with a command (Serial ATA 3.1, 10.5.5) */
#define FIS_TO_DRIVE 0x27
#define FIS_COMMAND 0x80

/* The list stops: what is wrong is the guest's doing, or it has to look at a drive's error. */
static void
fail(struct ahci_port *p, const struct ata_cmd *c, uint32_t event)
{
	p->failed = true;
	p->events |= event;
	pthread_mutex_lock(&p->lock);
	p->cmd = (p->cmd & ~CMD_CCS) | (uint32_t)c->slot << CMD_CCS_SHIFT;
	pthread_mutex_unlock(&p->lock);
}

static void
set_moved(struct ahci_port *p, const struct ata_cmd *c)
{
	uint8_t *to = guest_ptr(&p->hba->vm->mem, p->clb + HEADER * c->slot + 4, 4);

	if (to)
		put_le32(to, c->moved);
}

/* PxTFD, and CI without the command's bit. Port lock not held. */
static void
set_taskfile(struct ahci_port *p, uint32_t done, uint8_t status, uint8_t error)
{
	pthread_mutex_lock(&p->lock);
	p->tfd = (uint32_t)error << 8 | status;
	p->ci &= ~done;
	pthread_mutex_unlock(&p->lock);
}

static void
queued_done(struct ahci_port *p, struct ata_cmd *c, uint8_t status, uint8_t error)
{
	p->queued &= ~(1U << c->slot);
	if (!(status & ATA_ERR)) {
		p->finished |= 1U << c->slot;
		return;
	}
	ahci_log_error(p, c, status, error);
	set_taskfile(p, 0, status, error);
	ahci_tell_bits(p, status, error);
	fail(p, c, IS_TFES);
}

void
ahci_done(struct ata_cmd *c, uint8_t status, uint8_t error)
{
	struct ahci_port *p = c->port;
	uint32_t bit = 1U << c->slot;

	if (p->dropping || (c->queued && p->failed)) /* the guest starts all over */
		return;
	p->issued &= ~bit;
	set_moved(p, c);
	if (c->queued) {
		queued_done(p, c, status, error);
		return;
	}
	p->busy = false;
	if (c->pio && !(status & ATA_ERR))
		ahci_tell_pio(p, c, status);
	else
		ahci_tell_registers(p, c, status, error);
	set_taskfile(p, status & ATA_ERR ? 0 : bit, status, error);
	if (status & ATA_ERR)
		fail(p, c, IS_TFES);
}

void
ahci_reply(struct ata_cmd *c, const uint8_t data[512])
{
	c->pio = true;
	c->moved = (uint32_t)iov_write(c->iov, c->niov, 0, data, 512);
	ahci_done(c, ATA_READY, 0);
}

static void
disk_done(struct disk_req *io, int err)
{
	struct ata_cmd *c = container_of(io, struct ata_cmd, io);
	struct ahci_port *p = c->port;

	if (err && !p->dropping)
		blk_complain(p->id, &p->warned, io, err);
	if (!err && c->range) {
		c->next = p->again;
		p->again = c;
	} else if (!err) {
		ahci_done(c, ATA_READY, 0);
	} else if (p->cdrom) {
		p->cd.key = 3; /* medium error: unrecovered read error (SPC-4, annex D) */
		p->cd.asc = 0x11;
		p->cd.ascq = 0;
		ahci_done(c, ATA_DRDY | ATA_ERR, (uint8_t)(p->cd.key << 4 | ATA_ABRT));
	} else if (io->op == DISK_READ) {
		ahci_done(c, ATA_READY | ATA_ERR, ATA_UNC);
	} else {
		ahci_done(c, ATA_READY | ATA_DF | ATA_ERR, ATA_ABRT);
	}
}

bool
ahci_to_disk(struct ata_cmd *c, enum disk_op op, uint64_t off, uint64_t len, unsigned flags)
{
	bool data = op == DISK_READ || op == DISK_WRITE;

	if (data && len > c->room)
		return false;
	c->io = (struct disk_req){.op = op, .flags = flags, .off = off, .len = len, .done = disk_done};
	if (data) {
		c->io.iov = c->iov;
		c->io.niov = iov_part(c->iov, c->iov, c->niov, 0, len);
		c->moved = (uint32_t)len;
	}
	disk_submit(c->port->wire.disk, &c->io);
	return true;
}

/* --- starting --- */

/* The buffer, piece by piece (4.2.3.3); pieces that touch become one. 0, or what PxIS says. */
static uint32_t
take_buffer(struct ata_cmd *c, const uint8_t *prdt, unsigned entries)
{
	const struct guest_mem *mem = &c->port->hba->vm->mem;

	c->niov = 0;
	c->room = 0;
	for (unsigned i = 0; i < entries; i++) {
		uint32_t len = (get_le32(prdt + PRD * i + 12) & PRD_BYTES) + 1;
		uint8_t *at = guest_ptr(mem, get_le64(prdt + PRD * i), len);
		struct iovec *last = c->niov ? &c->iov[c->niov - 1] : NULL;

		if (!at)
			return IS_HBDS;
		if (last && (uint8_t *)last->iov_base + last->iov_len == at)
			last->iov_len += len;
		else if (c->niov == AHCI_IOV)
			return IS_HBDS;
		else
			c->iov[c->niov++] = (struct iovec){at, len};
		c->room += len;
	}
	return 0;
}

static void
take_fis(struct ata_cmd *c, const uint8_t *fis)
{
	c->control = !(fis[1] & FIS_COMMAND);
	c->command = fis[2];
	c->features = (uint16_t)(fis[3] | fis[11] << 8);
	c->lba = 0;
	for (unsigned i = 0; i < 3; i++)
		c->lba |= (uint64_t)fis[4 + i] << 8 * i | (uint64_t)fis[8 + i] << (24 + 8 * i);
	c->device = fis[7];
	c->count = get_le16(fis + 12);
	c->ctl = fis[15];
}

/* Copies a command out of its table. 0, or what PxIS says. */
static uint32_t
take_command(struct ahci_port *p, struct ata_cmd *c)
{
	const struct guest_mem *mem = &p->hba->vm->mem;
	uint8_t *at = guest_ptr(mem, p->clb + HEADER * c->slot, HEADER), header[HEADER], fis[20];
	unsigned entries;

	if (!at)
		return IS_HBFS;
	memcpy(header, at, sizeof(header));
	entries = get_le16(header + 2);
	at = guest_ptr(mem, get_le64(header + 8) & ~0x7fULL, TABLE_PRDT + (uint64_t)entries * PRD);
	if (!at)
		return IS_HBFS;
	memcpy(fis, at, sizeof(fis));
	memcpy(c->cdb, at + TABLE_CDB, sizeof(c->cdb));
	if ((header[0] & HEADER_FIS_DWORDS) < 5 || fis[0] != FIS_TO_DRIVE)
		return IS_IFS;
	take_fis(c, fis);
	c->queued = c->pio = false;
	c->moved = 0;
	c->range = 0;
	return take_buffer(c, at + TABLE_PRDT, entries);
}

/* Software reset (Serial ATA 3.1, 11.4): SRST is set by one FIS and taken back by another, and neither is answered as
 * commands are; the second brings the signature. */
static void
write_control(struct ahci_port *p, const struct ata_cmd *c)
{
	uint32_t bit = 1U << c->slot;

	p->issued &= ~bit;
	p->busy = false;
	set_taskfile(p, bit, c->ctl & 4 ? ATA_BSY : ATA_READY, 0);
	if (c->ctl & 4)
		return;
	if (p->cdrom)
		atapi_reset(p);
	p->signature = true;
	ahci_send_signature(p);
}

/* Does the drive take a command now? While SRST is set it takes the FIS that takes it back. */
static bool
takes(const struct ahci_port *p)
{
	if (!(p->cmd & CMD_ST) || p->failed || p->busy)
		return false;
	return !(p->tfd & (ATA_BSY | ATA_DRQ)) || p->cmds[p->last].control;
}

/* The next slot in turn after the last one (5.3.2.12: round robin), or -1. */
static int
next_slot(struct ahci_port *p)
{
	uint32_t todo;

	pthread_mutex_lock(&p->lock);
	todo = takes(p) ? p->ci & ~p->issued : 0;
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 1; i <= AHCI_SLOTS && todo; i++)
		if (todo & 1U << (p->last + i) % AHCI_SLOTS)
			return (int)((p->last + i) % AHCI_SLOTS);
	return -1;
}

static bool
is_queued(const struct ahci_port *p, const struct ata_cmd *c)
{
	return !p->cdrom && (c->command == 0x60 || c->command == 0x61); /* READ, WRITE FPDMA QUEUED */
}

static void
start(struct ahci_port *p, struct ata_cmd *c)
{
	uint32_t bit = 1U << c->slot, wrong = take_command(p, c);

	c->queued = !wrong && !c->control && is_queued(p, c);
	p->issued |= bit;
	p->last = c->slot;
	p->busy = !c->queued;
	if (wrong) {
		fail(p, c, wrong);
	} else if (c->control) {
		write_control(p, c);
	} else {
		if (c->queued) {
			/* Accepted: the drive is free for the next one, and SACT alone tells of this. */
			p->queued |= bit;
			set_taskfile(p, bit, ATA_READY, 0);
		} else {
			set_taskfile(p, 0, ATA_BSY | ATA_DRDY, 0);
		}
		if (p->cdrom)
			atapi_command(c);
		else
			ata_command(c);
	}
}

void
ahci_run(struct ahci_port *p)
{
	/* As many as there are slots, so that a guest that never stops cannot keep the thread from hearing anything else:
	 * what comes later comes with a kick. */
	for (unsigned n = 0; n < AHCI_SLOTS; n++) {
		int slot = next_slot(p);

		if (slot < 0)
			break;
		start(p, &p->cmds[slot]);
	}
}

static void
commit(struct ahci_port *p)
{
	if (p->wire.disk)
		disk_commit(p->wire.disk);
}

/* Those who have more for the disk; which may be done with it at once, and come again. */
static void
go_on(struct ahci_port *p)
{
	struct ata_cmd *c;

	while ((c = p->again)) {
		p->again = c->next;
		ata_next_range(c);
		commit(p);
	}
}

void
ahci_settle(struct ahci_port *p)
{
	commit(p);
	go_on(p);
	if (p->finished && !p->failed) /* else it was told with the error */
		ahci_tell_bits(p, ATA_READY, 0);
	if (!p->events)
		return;
	pthread_mutex_lock(&p->lock);
	p->sact &= ~p->finished;
	p->is |= p->events;
	ahci_port_irq(p, true);
	pthread_mutex_unlock(&p->lock);
	p->finished = p->events = 0;
	/* What waited for a command to end. */
	ahci_run(p);
	commit(p);
	if (p->again || p->finished || p->events)
		eventfd_write(p->kick_fd, 1);
}
