/* SPDX-License-Identifier: ISC */
/* The machine's text screen in a terminal, with keys. */
#ifndef VM_VNC_TERMINAL_H
#define VM_VNC_TERMINAL_H

/* Serves the terminal that standard input and output are until Ctrl-], the end of input or of the machine. Status of the process. */
int terminal_run(int machine, unsigned rate);

#endif
