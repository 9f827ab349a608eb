/* The mutex and the wakeup of src/core, two CPUs with one task each, as an independent model
 * checker sees them: the owner word with its waiters bit, the list of waiters under wait_lock, the
 * link and the state that a wakeup looks at under the task's lock. Not: ranks, lending, timers.
 *
 * spin -a -DFAULT=n: 0 none; 21 the waiters bit is set after the last try for the lock (mutant
 * M21); 23 unlock does not look at the waiters bit (mutant M23).
 *
 * A broken assertion is a broken mutual exclusion, an invalid end state a lost wakeup. */

#ifndef FAULT
#define FAULT 0
#endif
#define TASKS 2
#define ROUNDS 2
#define FREE 255

byte owner = FREE;          /* the owner word ... */
bool waiters_bit = false;   /* ... and its bit, always read and written together */
bool wait_lock = false;
bool queued[TASKS];         /* the list of waiters; with two tasks its order does not matter */
bool linked[TASKS];         /* blocked_on */
bool sleeping[TASKS];       /* state: declared to sleep */
bool off_cpu[TASKS];        /* really asleep */
bool task_lock[TASKS];
byte inside = 0;

inline take(l) { atomic { !l -> l = true } }
inline drop(l) { l = false }

/* Takes a word without a task and keeps the bit. */
inline try_acquire(me, got) {
  atomic {
    if
    :: owner == FREE -> owner = me; got = true
    :: else -> got = false
    fi
  }
}

inline wake(t) {
  take(task_lock[t]);
  /* Under the runqueue's lock: a task that has declared to sleep, asleep already or not. */
  atomic {
    if
    :: sleeping[t] -> sleeping[t] = false; off_cpu[t] = false
    :: else
    fi
  }
  drop(task_lock[t]);
}

inline lock(me, got) {
  atomic {
    if
    :: owner == FREE && !waiters_bit -> owner = me; got = true
    :: else -> got = false
    fi
  }
  if
  :: got
  :: else ->
    take(wait_lock);
    try_acquire(me, got);
    if
    :: got
    :: else ->
      queued[me] = true;
#if FAULT != 21
      waiters_bit = true;
#endif
      do
      :: true ->
        try_acquire(me, got);
        if
        :: got -> break
        :: else
        fi;
        /* Link and state become visible together, under the task's blocked_lock. */
        atomic { linked[me] = true; sleeping[me] = true }
#if FAULT == 21
        waiters_bit = true;
#endif
        drop(wait_lock);
        /* schedule(): off the CPU unless woken since, under the runqueue's lock. */
        atomic {
          if
          :: sleeping[me] -> off_cpu[me] = true
          :: else
          fi
        }
        !off_cpu[me];
        take(wait_lock);
        atomic { linked[me] = false; sleeping[me] = false }
      od;
      atomic {
        queued[me] = false;
        if
        :: !queued[1 - me] -> waiters_bit = false
        :: else
        fi
      }
    fi;
    drop(wait_lock)
  fi
}

inline unlock(me, got) {
  atomic {
    if
#if FAULT == 23
    :: true -> owner = FREE; waiters_bit = false; got = true
#else
    :: !waiters_bit -> owner = FREE; got = true
    :: else -> got = false
#endif
    fi
  }
  if
  :: got
  :: else ->
    take(wait_lock);
    atomic {
      owner = FREE;
      waiters_bit = queued[1 - me]
    }
    /* satisfy(): the first waiter's link goes; who finds it gone wakes nobody. */
    atomic {
      if
      :: queued[1 - me] && linked[1 - me] -> linked[1 - me] = false
      :: else
      fi;
      got = queued[1 - me]
    }
    drop(wait_lock);
    if
    :: got -> wake(1 - me)
    :: else
    fi
  fi
}

active [TASKS] proctype task() {
  byte me = _pid;
  byte round = 0;
  bool got = false;
  do
  :: round < ROUNDS ->
    lock(me, got);
    inside++;
    assert(inside == 1 && owner == me);
    inside--;
    unlock(me, got);
    round++
  :: else -> break
  od
}
