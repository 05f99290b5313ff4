/* Joins calls that follow each other within a second into one. The first call waits until nobody has asked for a second and goes
   on; the others leave it to that one. collectingSince counts for ten seconds, should a server end in between. Of two that begin at the same
   moment, the one whose mark stays goes on: its digits behind the comma are its own. */
function isCollector() {
  var now = new Date().getTime();
  me.connectAskedAt = now;
  if (isSet(me.collectingSince) && now - Number(me.collectingSince) < 10000) {
    return false;
  }
  var mark = now + Math.round(Math.random() * 999) / 1000;
  me.collectingSince = mark;
  for (var round = 0; round < 6; round++) {
    pause(1000);
    if (Math.abs(Number(me.collectingSince) - mark) > 0.0005) {
      return false;
    }
    if (new Date().getTime() - Number(me.connectAskedAt) >= 1000) {
      break;
    }
  }
  /* Before anything is read: who changes something from now on asks again. */
  me.collectingSince = 0;
  return true;
}
