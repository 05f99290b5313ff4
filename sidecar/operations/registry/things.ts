/** The Things of devices, as operations make and remove them. */
export interface ThingDesk {
  /**
   * Makes the Thing of a device unless it has one; a Thing of this name that exists already is left as it is, but for a hub where it has none.
   * @param thing the name; without one the Thing that the device has will do, and a new one has the id of the device as its name
   * @returns whether it was made
   * @throws ConnectorError THINGWORX_REJECTED with what ThingWorx said or to whom the Thing belongs, and what calls to ThingWorx give
   */
  create(deviceId: string, template: string, thing?: string): Promise<boolean>;
  /**
   * Removes the Thing of a device of this hub.
   * @returns its name, undefined when there was none
   * @throws ConnectorError THINGWORX_REJECTED with what ThingWorx said, and what calls to ThingWorx give
   */
  deleteOf(deviceId: string): Promise<string | undefined>;
}
