/* SPDX-License-Identifier: ISC */
/* What is left of vm-img's rights while it reads the bytes of strangers. Why each system call is there stands in seals.c. */
#ifndef VM_IMG_SEALS_H
#define VM_IMG_SEALS_H

/* What the subcommand does: it reads images; it changes them; it makes new ones too; it changes them for clients of its sockets. */
enum seals { SEALS_READ, SEALS_CHANGE, SEALS_MAKE, SEALS_SERVE };

/* Before the first byte of an image is read, and before there are threads. The first call counts. Dies when it cannot. */
void seals_open(enum seals what);

/* All files are open: none is opened any more, and but for SEALS_MAKE, which names them at the end, no capability is left. */
void seals_work(void);

#endif
