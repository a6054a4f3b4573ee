/* SPDX-License-Identifier: ISC */
/*
 * The inside of the AHCI controller: registers in ahci.c and ahci_port.c, command lists in ahci_cmd.c, what the drives
 * do with commands in ata.c and atapi.c. vCPU threads touch registers only, under the port's lock; commands run on the
 * port's I/O thread. Section numbers are those of AHCI 1.3.1.
 */
#ifndef KVM_RUN_AHCI_DEV_H
#define KVM_RUN_AHCI_DEV_H

#include "common/disk.h"
#include "common/iov.h"
#include "common/util.h"
#include "kvm-run/ahci.h"
#include "kvm-run/blk_wire.h"
#include "kvm-run/iothread.h"
#include "kvm-run/pci.h"

#define AHCI_PORTS 32
#define AHCI_SLOTS 32
#define AHCI_IOV 1024 /* pieces of a command's buffer, after neighbours were joined */

/* PxIS and PxIE, 3.3.5 */
#define IS_DHRS (1U << 0) /* register FIS from the drive */
#define IS_PSS (1U << 1)  /* PIO setup FIS */
#define IS_SDBS (1U << 3) /* set device bits FIS */
#define IS_IFS (1U << 27) /* fatal: the interface */
#define IS_HBDS (1U << 28) /* fatal: data */
#define IS_HBFS (1U << 29) /* fatal: a table that is nowhere */
#define IS_TFES (1U << 30) /* the drive reported an error */
#define IS_ALL (IS_DHRS | IS_PSS | IS_SDBS | IS_IFS | IS_HBDS | IS_HBFS | IS_TFES)

/* PxCMD, 3.3.7 */
#define CMD_ST (1U << 0)
#define CMD_CLO (1U << 3)
#define CMD_FRE (1U << 4)
#define CMD_CCS_SHIFT 8
#define CMD_CCS (31U << CMD_CCS_SHIFT)
#define CMD_FR (1U << 14)
#define CMD_CR (1U << 15)
#define CMD_WRITABLE 0xf100001fU /* ICC, ATAPI, FRE, CLO, POD, SUD, ST */

/* PxSCTL, 3.3.11 */
#define SCTL_DET 0xfU
#define DET_RESET 1 /* COMRESET is on the line */

/* ATA status and error registers (ACS-3, 6) */
#define ATA_ERR 0x01
#define ATA_DRQ 0x08
#define ATA_DSC 0x10
#define ATA_DF 0x20
#define ATA_DRDY 0x40
#define ATA_BSY 0x80
#define ATA_READY (ATA_DRDY | ATA_DSC)
#define ATA_ABRT 0x04
#define ATA_IDNF 0x10
#define ATA_UNC 0x40

#define ATA_SIGNATURE 0x00000101U
#define ATAPI_SIGNATURE 0xeb140101U

struct ahci;
struct ahci_port;

/* A command under way, and what the guest's registers become at its end. */
struct ata_cmd {
	struct disk_req io;
	struct ahci_port *port;
	struct ata_cmd *next; /* in port->again */
	uint8_t slot;
	bool queued; /* NCQ */
	bool pio;    /* data to the guest ends with a PIO setup FIS */
	bool control; /* its FIS wrote the control register, not the command register */
	uint8_t command, device, ctl;
	uint16_t features, count;
	uint64_t lba;
	uint8_t cdb[16];
	uint32_t moved; /* bytes, for PRDBC */
	size_t room;	/* bytes of the buffer */
	unsigned niov;
	struct iovec iov[AHCI_IOV];
	uint8_t ranges[512]; /* of DATA SET MANAGEMENT */
	unsigned range;	     /* the next of them */
};

/* The medium's side of a CD-ROM drive. */
struct atapi {
	uint64_t blocks; /* of 2048 bytes; 0 without a medium */
	bool open, locked;
	bool attention_reset, attention_medium; /* unit attentions not yet told */
	bool event_eject, event_new, event_gone; /* for GET EVENT STATUS NOTIFICATION */
	uint8_t key, asc, ascq; /* sense of the last command */
};

/* Of the I/O thread's work, what vCPUs ask for. */
#define WANT_STOP 1  /* ST was cleared */
#define WANT_RESET 2 /* the drive is reset */

struct ahci_port {
	struct ahci *hba;
	unsigned index;
	char id[32];
	struct iothread io;
	struct blk_wire wire;
	bool cdrom;
	char serial[BLK_SERIAL_MAX + 1];
	int kick_fd;
	struct watch kick;

	pthread_mutex_t lock; /* the registers */
	uint64_t clb, fb;
	uint32_t is, ie, cmd, tfd, sig, sctl, serr, sact, ci;
	unsigned want;
	bool signature; /* to be told as soon as FISes are received */

	/* the rest is the I/O thread's */
	uint32_t issued; /* slots of CI that were looked at */
	uint32_t queued; /* NCQ commands at the disk */
	uint32_t finished; /* of them, those that the guest was not yet told of */
	bool busy;	 /* a command that is not queued is under way */
	bool failed;	 /* nothing more until ST is cleared */
	bool dropping;	 /* what ends now is nobody's any more */
	uint32_t events; /* for IS, gathered until settle */
	struct ata_cmd *again; /* those with more for the disk */
	struct ata_cmd *cmds;  /* AHCI_SLOTS */
	unsigned last;	       /* slot that was started last */
	uint64_t warned;
	uint64_t sectors; /* of a disk: its size as the guest sees it */
	bool write_cache;
	uint8_t ncq_error[512]; /* log page 10h */
	struct atapi cd;
};

struct ahci {
	struct pci_dev pci;
	struct vm *vm;
	unsigned nports, present; /* present: ports that have not been removed */
	struct ahci_port *ports[AHCI_PORTS];
	pthread_mutex_t lock; /* what follows; taken after a port's */
	uint32_t is, pending; /* IS; and bit a port: it has something enabled in PxIS */
	bool interrupts;      /* GHC.IE */
};

/* --- ahci.c --- */

/* The port's PxIS or PxIE have changed, for the better (`more`: a new cause). The port's lock is held. */
void ahci_port_irq(struct ahci_port *p, bool more);

/* --- ahci_port.c --- */

uint32_t ahci_port_read(struct ahci_port *p, unsigned reg);
void ahci_port_write(struct ahci_port *p, unsigned reg, uint32_t v);

/* Power-on state of port and drive, on the I/O thread or without one; nothing of it is at the disk afterwards. */
void ahci_port_reset(void *port);

/* The handler of kick: what vCPUs want, then the command list. */
void ahci_port_kick(struct watch *w, uint32_t events);

/* disk->reaped */
void ahci_port_reaped(struct disk *d);

/* --- ahci_fis.c --- */

/* How a command ended: by a register FIS; by a PIO setup FIS; that of all NCQ commands in p->finished, by one for them all. */
void ahci_tell_registers(struct ahci_port *p, const struct ata_cmd *c, uint8_t status, uint8_t error);
void ahci_tell_pio(struct ahci_port *p, const struct ata_cmd *c, uint8_t status);
void ahci_tell_bits(struct ahci_port *p, uint8_t status, uint8_t error);

/* The drive's signature, by a register FIS, when the port receives FISes. */
void ahci_send_signature(struct ahci_port *p);

/* Page 10h of the log (ACS-3, A.14): which NCQ command failed, and how. */
void ahci_log_error(struct ahci_port *p, const struct ata_cmd *c, uint8_t status, uint8_t error);

/* --- ahci_cmd.c --- */

/* Starts what is in the command list, as far as the drive takes it. */
void ahci_run(struct ahci_port *p);

/* Tells the guest what has ended since, by one interrupt; gives the disk what comes next. */
void ahci_settle(struct ahci_port *p);

/* The command has ended: status and error registers; c->count and c->lba are what the guest sees of these. */
void ahci_done(struct ata_cmd *c, uint8_t status, uint8_t error);

/* A block for the guest by PIO, as far as there is room; then the command has ended well. */
void ahci_reply(struct ata_cmd *c, const uint8_t data[512]);

/* The command goes to the disk, its buffer cut to len bytes. False when the buffer is shorter. */
bool ahci_to_disk(struct ata_cmd *c, enum disk_op op, uint64_t off, uint64_t len, unsigned flags);

/* --- ata.c, ata_identify.c, atapi.c, atapi_info.c --- */

void ata_command(struct ata_cmd *c);
void ata_next_range(struct ata_cmd *c);
bool ata_set_features(struct ata_cmd *c); /* what both kinds of drives know; false: nothing of it */
void ata_identify(const struct ahci_port *p, uint8_t data[512]);
void atapi_identify(const struct ahci_port *p, uint8_t data[512]);
void atapi_command(struct ata_cmd *c);
void atapi_reset(struct ahci_port *p);

/* Answers of a CD-ROM drive to the command in c->cdb: their length, written into out, or 0 when a field of the command is
 * wrong. At most ATAPI_ANSWER bytes. */
#define ATAPI_ANSWER 512
size_t atapi_inquiry(const struct ata_cmd *c, uint8_t *out);
size_t atapi_mode_sense(const struct ata_cmd *c, uint8_t *out);
size_t atapi_toc(const struct ata_cmd *c, uint8_t *out);
size_t atapi_configuration(const struct ata_cmd *c, uint8_t *out);
size_t atapi_disc_information(const struct ata_cmd *c, uint8_t *out);
size_t atapi_mechanism(const struct ata_cmd *c, uint8_t *out);
size_t atapi_events(struct ata_cmd *c, uint8_t *out);

#endif
