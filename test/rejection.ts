/** What a promise rejects with. Fails if it does not reject. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('It resolved, and was to reject.')
}
