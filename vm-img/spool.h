/* SPDX-License-Identifier: ISC */
/* Files without a name in $TMPDIR, or /var/tmp, for what comes by or goes into a pipe and has to be sought in. */
#ifndef VM_IMG_SPOOL_H
#define VM_IMG_SPOOL_H

/* An empty one, or what `fd` gives up to its end; a descriptor. Dies. */
int spool_new(void);
int spool_input(int fd);

#endif
