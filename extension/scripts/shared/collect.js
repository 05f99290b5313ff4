/* Joins calls that follow each other within a second into one. The first call waits until nobody has asked for a second and goes
   on; the others leave it to that one. collectingSince counts for ten seconds, should a server end in between. */
function isCollector() {
  var now = new Date().getTime();
  me.connectAskedAt = now;
  if (isSet(me.collectingSince) && now - Number(me.collectingSince) < 10000) {
    return false;
  }
  me.collectingSince = now;
  for (var round = 0; round < 6; round++) {
    pause(1000);
    if (new Date().getTime() - Number(me.connectAskedAt) >= 1000) {
      break;
    }
  }
  /* Before anything is read: who changes something from now on asks again. */
  me.collectingSince = 0;
  return true;
}
