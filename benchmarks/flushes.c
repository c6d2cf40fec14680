// What a drive gives for one durable write with its journal block on each of three files at once, without sockets or
// Java: three processes, each with a ring of its own, and a fourth that waits for all. The ways take turns write by
// write, so that whatever disturbs the machine disturbs all of them.
//
//   cc -O2 -o flushes flushes.c -luring && ./flushes SECONDS FILE FILE FILE      (files of 1 GiB, written before)
#define _GNU_SOURCE
#include <fcntl.h>
#include <liburing.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { FSYNC_OPERATION, TOGETHER_DSYNC, BOTH_DSYNC, JOURNAL_DSYNC, FDATASYNC_CALL, FSYNC_POLLED, WAYS };

static const char *NAMES[WAYS] = {
    "two writes, then an FSYNC operation", "one O_DSYNC write of both", "two O_DSYNC writes", "data, then the journal with O_DSYNC",
    "two writes, then a call of fdatasync", "as the first, polling instead of sleeping"};

enum { BLOCK = 4096, JOURNAL_BLOCKS = 65536, FILE_BLOCKS = 262144, MOST = 1000000, POLL_MICROS = 300 };

static double micros(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void await(struct io_uring *ring, int polled) {
  struct io_uring_cqe *done;
  double end = micros() + POLL_MICROS;
  while (polled && io_uring_peek_cqe(ring, &done) != 0 && micros() < end) {
    io_uring_get_events(ring);
    sched_yield();
  }
  if (io_uring_wait_cqe(ring, &done) != 0 || done->res < 0) fail("an operation");
  io_uring_cqe_seen(ring, done);
}

static void begin(struct io_uring *ring, int fd, char *from, int blocks, long block, int flags) {
  struct io_uring_sqe *entry = io_uring_get_sqe(ring);
  io_uring_prep_write(entry, fd, from, blocks * BLOCK, block * BLOCK);
  entry->rw_flags = flags;
}

static void disk(const char *path, int asked, int answered) {
  struct io_uring ring;
  char *memory, way;
  int fd = open(path, O_RDWR | O_DIRECT);
  if (fd < 0) fail(path);
  if (io_uring_queue_init(8, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) != 0) fail("io_uring");
  if (posix_memalign((void **)&memory, BLOCK, 2 * BLOCK) != 0) fail("memory");
  memset(memory, 'c', 2 * BLOCK);
  srandom(getpid());
  for (long record = 0; read(asked, &way, 1) == 1; record++) {
    int polled = way == FSYNC_POLLED;
    long block = JOURNAL_BLOCKS + random() % (FILE_BLOCKS - JOURNAL_BLOCKS);
    int flags = way == BOTH_DSYNC || way == TOGETHER_DSYNC ? RWF_DSYNC : 0;
    int together = way == TOGETHER_DSYNC;
    if (!together) begin(&ring, fd, memory, 1, block, flags);
    if (way == JOURNAL_DSYNC) {
      io_uring_submit(&ring);
      await(&ring, polled);
      flags = RWF_DSYNC;
    }
    begin(&ring, fd, memory + BLOCK * !together, 1 + together, 2 * record % JOURNAL_BLOCKS, flags);
    io_uring_submit(&ring);
    for (int left = way == JOURNAL_DSYNC || together ? 1 : 2; left > 0; left--) await(&ring, polled);
    if (way == FSYNC_OPERATION || way == FSYNC_POLLED) {
      io_uring_prep_fsync(io_uring_get_sqe(&ring), fd, IORING_FSYNC_DATASYNC);
      io_uring_submit(&ring);
      await(&ring, polled);
    } else if (way == FDATASYNC_CALL && fdatasync(fd) != 0) {
      fail("fdatasync");
    }
    if (write(answered, "", 1) != 1) fail("answer");
  }
  exit(0);
}

static int rising(const void *a, const void *b) {
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(int count, char **words) {
  static double took[WAYS][MOST];
  int asked[3][2], answered[3][2], rounds = 0;
  char answer;
  if (count != 5) {
    fprintf(stderr, "flushes SECONDS FILE FILE FILE\n");
    return 2;
  }
  for (int i = 0; i < 3; i++) {
    if (pipe2(asked[i], O_CLOEXEC) != 0 || pipe2(answered[i], O_CLOEXEC) != 0) fail("pipe");
    if (fork() == 0) {
      for (int j = 0; j <= i; j++) close(asked[j][1]);
      disk(words[2 + i], asked[i][0], answered[i][1]);
    }
    close(answered[i][1]);
  }
  for (double end = micros() + atof(words[1]) * 1e6; rounds < MOST && micros() < end; rounds++) {
    for (char way = 0; way < WAYS; way++) {
      double start = micros();
      for (int i = 0; i < 3; i++)
        if (write(asked[i][1], &way, 1) != 1) fail("ask");
      for (int i = 0; i < 3; i++)
        if (read(answered[i][0], &answer, 1) != 1) fail("a disk");
      took[(int)way][rounds] = micros() - start;
    }
  }
  for (int way = 0; way < WAYS; way++) {
    double sum = 0;
    for (int i = 0; i < rounds; i++) sum += took[way][i];
    qsort(took[way], rounds, sizeof(double), rising);
    printf("%-42s p50 %4.0f us, p99 %5.0f us, mean %4.0f us\n", NAMES[way], took[way][rounds / 2],
           took[way][rounds * 99 / 100], sum / rounds);
  }
  return 0;
}
