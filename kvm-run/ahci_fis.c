/* SPDX-License-Identifier: ISC */
/* What a drive tells its guest: received FISes (AHCI 1.3.1, 4.2.1), and the log of errors. On the port's I/O thread. */
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/ahci_dev.h"
#include "kvm-run/vm.h"

/* Kinds (Serial ATA 3.1, 10.5) and places, 4.2.1 */
#define FIS_PIO 0x5f
#define FIS_PIO_AT 0x20
#define FIS_REGISTER 0x34
#define FIS_REGISTER_AT 0x40
#define FIS_BITS 0xa1
#define FIS_BITS_AT 0x58
#define FIS_INTERRUPT 0x40
#define FIS_TO_HOST 0x20

static void
put_fis(struct ahci_port *p, unsigned at, const uint8_t *fis, size_t len)
{
	uint8_t *to = p->cmd & CMD_FRE ? guest_ptr(&p->hba->vm->mem, p->fb + at, len) : NULL;

	if (to)
		memcpy(to, fis, len);
}

/* What registers a command leaves behind: bytes 2 to 13 of the FISes that tell of them. */
static void
put_registers(uint8_t *fis, uint8_t status, uint8_t error, uint8_t device, uint64_t lba, uint16_t count)
{
	fis[2] = status;
	fis[3] = error;
	for (unsigned i = 0; i < 3; i++) {
		fis[4 + i] = (uint8_t)(lba >> 8 * i);
		fis[8 + i] = (uint8_t)(lba >> (24 + 8 * i));
	}
	fis[7] = device;
	put_le16(fis + 12, count);
}

void
ahci_tell_registers(struct ahci_port *p, const struct ata_cmd *c, uint8_t status, uint8_t error)
{
	uint8_t fis[20] = {FIS_REGISTER, FIS_INTERRUPT};

	put_registers(fis, status, error, c->device, c->lba, c->count);
	put_fis(p, FIS_REGISTER_AT, fis, sizeof(fis));
	p->events |= IS_DHRS;
}

void
ahci_tell_pio(struct ahci_port *p, const struct ata_cmd *c, uint8_t status)
{
	uint8_t fis[20] = {FIS_PIO, FIS_INTERRUPT | FIS_TO_HOST};

	put_registers(fis, status | ATA_DRQ, 0, c->device, c->lba, c->count);
	fis[15] = status;
	put_le16(fis + 16, (uint16_t)c->moved);
	put_fis(p, FIS_PIO_AT, fis, sizeof(fis));
	p->events |= IS_PSS;
}

void
ahci_tell_bits(struct ahci_port *p, uint8_t status, uint8_t error)
{
	uint8_t fis[8] = {FIS_BITS, FIS_INTERRUPT, status & 0x77, error};

	put_le32(fis + 4, p->finished);
	put_fis(p, FIS_BITS_AT, fis, sizeof(fis));
	p->events |= IS_SDBS;
}

void
ahci_send_signature(struct ahci_port *p)
{
	uint8_t fis[20] = {FIS_REGISTER, 0};
	uint32_t sig = p->cdrom ? ATAPI_SIGNATURE : ATA_SIGNATURE;
	uint8_t status = p->cdrom ? 0 : ATA_READY;

	pthread_mutex_lock(&p->lock);
	if (p->signature && (p->cmd & CMD_FRE) && (p->sctl & SCTL_DET) != DET_RESET) {
		p->signature = false;
		put_registers(fis, status, 1, 0, sig >> 8, 1);
		put_fis(p, FIS_REGISTER_AT, fis, sizeof(fis));
		p->sig = sig;
		p->tfd = 1U << 8 | status;
		p->is |= IS_DHRS;
		ahci_port_irq(p, true);
	}
	pthread_mutex_unlock(&p->lock);
}

void
ahci_log_error(struct ahci_port *p, const struct ata_cmd *c, uint8_t status, uint8_t error)
{
	uint8_t sum = 0;

	memset(p->ncq_error, 0, sizeof(p->ncq_error));
	put_registers(p->ncq_error, status, error, c->device, c->lba, c->count);
	p->ncq_error[0] = c->slot;
	for (unsigned i = 0; i < 511; i++)
		sum += p->ncq_error[i];
	p->ncq_error[511] = (uint8_t)-sum;
}
