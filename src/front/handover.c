/* Passing connections to another process over a unix socket. */
#include "front/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* A message is one byte, because one without content cannot be told from the end, and one descriptor. */
struct parcel {
  struct msghdr message;
  struct iovec content;
  char byte;
  union {
    struct cmsghdr header; /* for its alignment */
    char room[CMSG_SPACE(sizeof(int))];
  } control;
};

static void parcel_init(struct parcel *parcel)
{
  memset(parcel, 0, sizeof *parcel);
  parcel->content = (struct iovec){.iov_base = &parcel->byte, .iov_len = 1};
  parcel->message.msg_iov = &parcel->content;
  parcel->message.msg_iovlen = 1;
  parcel->message.msg_control = parcel->control.room;
  parcel->message.msg_controllen = sizeof parcel->control.room;
}

int handover_open(int ret_ends[2])
{
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
    return -1;
  ret_ends[0] = ends[0];
  ret_ends[1] = ends[1];
  return 0;
}

int handover_send(int end, int descriptor)
{
  struct parcel parcel;
  parcel_init(&parcel);
  struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptor);
  memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  return sendmsg(end, &parcel.message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* The kernel would throw away a descriptor that finds no room. */
static int check_room(int end)
{
  CLEANUP_CLOSE int probe = fcntl(end, F_DUPFD_CLOEXEC, 0);
  return probe < 0 ? -1 : 0;
}

int handover_receive(int end)
{
  struct parcel parcel;
  int descriptor = -1;
  if (check_room(end) != 0)
    return -1;
  parcel_init(&parcel);
  const ssize_t got = recvmsg(end, &parcel.message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0)
    return -1;
  const struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
  if (got == 1 && header != NULL && header->cmsg_len == CMSG_LEN(sizeof descriptor))
    memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  else
    errno = EBADMSG;
  return descriptor;
}
